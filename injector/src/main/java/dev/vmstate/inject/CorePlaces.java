package dev.vmstate.inject;

import dev.vmstate.core.elf.CoreFile;
import dev.vmstate.core.elf.PhysicalSegments;
import dev.vmstate.memory.MemoryMap;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Where a core holds the bytes of each RAM block: the core says at which guest-physical address its
 * bytes stand, the memory map says which block stands there. So any core of the machine will do,
 * one of ours or one QEMU dumped; a byte the CPU does not see is in neither.
 */
final class CorePlaces {
  /** {@code bytes} of a block from {@code offset} on stand in the core at {@code core}. */
  record Place(long offset, long bytes, long core, long physical) {
    long end() {
      return offset + bytes;
    }
  }

  private final List<List<Place>> byBlock = new ArrayList<>();

  CorePlaces(CoreFile core, MemoryMap map) {
    for (int i = 0; i < map.blocks().size(); i++) {
      byBlock.add(new ArrayList<>());
    }
    for (PhysicalSegments.Segment segment : core.physicalSegments()) {
      long end = segment.physical() + segment.bytes();
      for (MemoryMap.Range range : map.ranges()) {
        long from = Math.max(range.start(), segment.physical());
        long to = Math.min(range.end(), end);
        if (from < to) {
          byBlock
              .get(range.block())
              .add(
                  new Place(
                      range.offset() + from - range.start(),
                      to - from,
                      segment.fileOffset() + from - segment.physical(),
                      from));
        }
      }
    }
    for (List<Place> places : byBlock) {
      places.sort(Comparator.comparingLong(Place::offset));
    }
  }

  /** Places of a block by ascending offset; the same byte may have two. */
  List<Place> of(int block) {
    return byBlock.get(block);
  }

  /** Whether the core holds nothing of this machine's memory. */
  boolean isEmpty() {
    return byBlock.stream().allMatch(List::isEmpty);
  }

  /** The first place that holds the byte at {@code offset}, or null. */
  Place at(int block, long offset) {
    List<Place> places = byBlock.get(block);
    int low = 0;
    int high = places.size() - 1;
    Place found = null;
    while (low <= high) {
      int mid = (low + high) >>> 1;
      if (places.get(mid).offset() <= offset) {
        found = places.get(mid);
        low = mid + 1;
      } else {
        high = mid - 1;
      }
    }
    return found != null && offset < found.end() ? found : null;
  }
}
