package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.MapleTree;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The {@code vm_area_struct}s of an mm: a maple tree since 6.1; before, a list that is a red-black
 * tree too, and where the list breaks off the tree has the rest.
 */
final class VmaList {
  /** vm.max_map_count is 65530 unless raised; more do not fit into the memory of this program. */
  private static final int MOST = 1 << 18;

  /** What one broken area says; a thousand say no more. */
  private static final int MOST_NOTES = 50;

  private final KernelObjects objects;
  private final List<String> notes;
  private final TreeMap<Long, KernelObject> areas = new TreeMap<>(Long::compareUnsigned);

  private VmaList(KernelObjects objects, List<String> notes) {
    this.objects = objects;
    this.notes = notes;
  }

  static VmaList of(KernelObject mm, List<String> notes) throws IOException {
    VmaList list = new VmaList(mm.objects(), notes);
    if (mm.has("mm_mt")) {
      list.maple(mm.at("mm_mt"));
    } else {
      boolean whole = list.list(mm.number("mmap"));
      if (!whole || list.areas.size() != mm.number("map_count")) {
        list.tree(mm.number("mm_rb.rb_node"));
      }
    }
    return list;
  }

  /** By start. */
  List<KernelObject> byAddress() {
    return new ArrayList<>(areas.values());
  }

  private void maple(long tree) throws IOException {
    Optional<String> fault =
        new MapleTree(objects, tree)
            .walk(
                8 * MOST,
                (first, last, pointer) -> {
                  KernelObject area = objects.at("vm_area_struct", pointer);
                  boolean agrees =
                      area.number("vm_start") == first && area.number("vm_end") == last + 1;
                  if (!agrees && notes.size() < MOST_NOTES) {
                    notes.add(
                        "the area of 0x%x-0x%x says it is 0x%x-0x%x"
                            .formatted(
                                first, last + 1, area.number("vm_start"), area.number("vm_end")));
                  }
                  if (areas.size() < MOST) {
                    areas.put(area.number("vm_start"), area);
                  }
                });
    fault.ifPresent(why -> notes.add("the tree of areas (mm_mt) " + why));
    if (areas.size() == MOST) {
      notes.add("the process has %d areas or more: those behind are left out".formatted(MOST));
    }
  }

  /** Whether it came to its end. */
  private boolean list(long first) throws IOException {
    Set<Long> seen = new HashSet<>();
    try {
      for (long at = first; at != 0; ) {
        if (seen.size() == MOST || !seen.add(at)) {
          notes.add("the list of areas (mm->mmap) comes back to 0x%x".formatted(at));
          return false;
        }
        KernelObject area = objects.at("vm_area_struct", at);
        areas.putIfAbsent(area.number("vm_start"), area);
        at = area.number("vm_next");
      }
      return true;
    } catch (UnmappedAddressException outside) {
      notes.add(
          "the list of areas (mm->mmap) leads to 0x%x, where no RAM is"
              .formatted(outside.address()));
      return false;
    }
  }

  private void tree(long root) throws IOException {
    Set<Long> seen = new HashSet<>();
    Deque<Long> open = new ArrayDeque<>();
    open.push(root);
    while (!open.isEmpty()) {
      long node = open.pop();
      if (node == 0) {
        continue;
      }
      if (seen.size() == MOST || !seen.add(node)) {
        notes.add("the tree of areas (mm->mm_rb) comes back to 0x%x".formatted(node));
        return;
      }
      try {
        KernelObject link = objects.at("rb_node", node);
        KernelObject area = objects.container(node, "vm_area_struct", "vm_rb");
        areas.putIfAbsent(area.number("vm_start"), area);
        open.push(link.number("rb_left"));
        open.push(link.number("rb_right"));
      } catch (UnmappedAddressException outside) {
        if (notes.size() < MOST_NOTES) {
          notes.add(
              "the tree of areas (mm->mm_rb) leads to 0x%x, where no RAM is"
                  .formatted(outside.address()));
        }
      }
    }
  }
}
