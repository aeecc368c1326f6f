package dev.vmstate.core.objects;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The nodes of a red-black tree, in order. Ends each branch at a node seen before or without
 * memory, and all of it after so many nodes that no kernel has them. Source: {@code
 * include/linux/rbtree_types.h}.
 *
 * @param nodes addresses of the {@code rb_node}s in the entries
 * @param fault what was wrong first, if anything
 */
public record RbTree(List<Long> nodes, Optional<String> fault) {
  public RbTree {
    nodes = List.copyOf(nodes);
  }

  /**
   * Of a {@code struct rb_root} or {@code rb_root_cached}.
   *
   * @param root its address
   * @param most nodes taken; what is larger is reported as a fault
   */
  public static RbTree of(KernelObjects objects, long root, int most) throws IOException {
    KernelMemory memory = objects.memory();
    KernelObject node = objects.at("rb_node", 0);
    long left = node.at("rb_left");
    long right = node.at("rb_right");
    List<Long> nodes = new ArrayList<>();
    Optional<String> fault = Optional.empty();
    Set<Long> seen = new HashSet<>();
    Deque<Long> above = new ArrayDeque<>();
    long at = memory.word(root);
    while (at != 0 || !above.isEmpty()) {
      try {
        if (at == 0) {
          at = above.pop();
          nodes.add(at);
          at = memory.word(at + right);
        } else if (seen.size() == most) {
          return new RbTree(nodes, Optional.of("has more than %d nodes".formatted(most)));
        } else if (seen.add(at)) {
          long next = memory.word(at + left);
          above.push(at);
          at = next;
        } else {
          fault = first(fault, "comes back to 0x%x".formatted(at));
          at = 0;
        }
      } catch (UnmappedAddressException broken) {
        fault = first(fault, "leads to 0x%x, where no RAM is".formatted(broken.address()));
        at = 0;
      }
    }
    return new RbTree(nodes, fault);
  }

  private static Optional<String> first(Optional<String> fault, String what) {
    return fault.isPresent() ? fault : Optional.of(what);
  }
}
