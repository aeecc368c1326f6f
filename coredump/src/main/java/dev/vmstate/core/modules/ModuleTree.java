package dev.vmstate.core.modules;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/**
 * {@code mod_tree}: a node for each range of memory a module has, in two red-black trees of which
 * one is always whole (a latch tree). What hides a module leaves it here, or a fault in the module
 * would look like one in no code. Source: {@code kernel/module/tree_lookup.c}, {@code
 * include/linux/rbtree_latch.h}.
 */
final class ModuleTree {
  /** A module has seven ranges at most. */
  private static final int MOST_NODES = 1 << 17;

  private ModuleTree() {}

  /** Addresses of {@code struct module}s; none when this kernel has no such tree. */
  static Set<Long> modules(KernelObjects objects, List<String> notes) throws IOException {
    Set<Long> modules = new LinkedHashSet<>();
    OptionalLong at = objects.address("mod_tree");
    KernelObject latch = objects.at("latch_tree_root", at.orElse(0));
    KernelObject any = objects.at("mod_tree_node", 0);
    if (at.isEmpty() || !latch.has("tree[0].rb_node") || !any.has("node.node[0]")) {
      return modules;
    }
    KernelObject root = objects.at("mod_tree_root", at.getAsLong());
    if (root.has("root")) {
      latch = root.inside("root", "latch_tree_root");
    }
    // A writer changes the first tree, then the second: a stopped guest has one of them whole.
    for (int tree = 0; tree < 2; tree++) {
      try {
        long top = latch.number("tree[%d].rb_node".formatted(tree));
        walk(objects, top, "node.node[%d]".formatted(tree), modules, notes);
      } catch (UnmappedAddressException outside) {
        notes.add("the tree of modules is at 0x%x, where no RAM is".formatted(outside.address()));
      }
    }
    return modules;
  }

  private static void walk(
      KernelObjects objects, long top, String member, Set<Long> modules, List<String> notes)
      throws IOException {
    Set<Long> seen = new HashSet<>();
    Deque<Long> left = new ArrayDeque<>(top == 0 ? List.of() : List.of(top));
    while (!left.isEmpty()) {
      long at = left.pop();
      if (!seen.add(at) || seen.size() > MOST_NODES) {
        notes.add("the tree of modules comes back to 0x%x".formatted(at));
        return;
      }
      try {
        KernelObject node = objects.at("rb_node", at);
        for (String side : new String[] {"rb_right", "rb_left"}) {
          long next = node.number(side);
          if (next != 0) {
            left.push(next);
          }
        }
        modules.add(objects.container(at, "mod_tree_node", member).number("mod"));
      } catch (UnmappedAddressException outside) {
        notes.add(
            "the tree of modules leads to 0x%x, where no RAM is".formatted(outside.address()));
      }
    }
  }
}
