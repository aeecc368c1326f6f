package dev.vmstate.inject;

import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.PhysicalSegments;
import dev.vmstate.memory.MemoryMap;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;

/**
 * Where a core holds the bytes of each RAM block: the core says at which guest-physical address its
 * bytes stand, the memory map says which block stands there. So any core of the machine will do,
 * one of ours or one QEMU dumped; a byte the CPU does not see is in neither.
 *
 * <p>RAM may show at several addresses (the end of {@code pc.bios} below 1 MiB and below 4 GiB).
 * Our cores hold it once, with several program headers; QEMU's hold a copy for each address, and
 * the edit may be in any of them.
 */
final class CorePlaces {
  /**
   * A copy of some bytes.
   *
   * @param core offset in the core file
   * @param physical the guest-physical address it is a copy of
   */
  record Copy(long core, long physical) {
    Copy plus(long bytes) {
      return new Copy(core + bytes, physical + bytes);
    }
  }

  /** {@code bytes} of a block from {@code offset} on, all with the same copies, at least one. */
  record Place(long offset, long bytes, List<Copy> copies) {
    long end() {
      return offset + bytes;
    }
  }

  private static final List<Place> NOWHERE = List.of();

  private final List<List<Place>> byBlock = new ArrayList<>();

  CorePlaces(CoreFile core, MemoryMap map) {
    List<List<Place>> single = new ArrayList<>();
    for (int i = 0; i < map.blocks().size(); i++) {
      single.add(new ArrayList<>());
    }
    for (PhysicalSegments.Segment segment : core.physicalSegments()) {
      for (MemoryMap.Range range : map.ranges()) {
        long from = Math.max(range.start(), segment.physical());
        long to = Math.min(range.end(), segment.end());
        if (from < to) {
          Copy copy = new Copy(segment.fileOffset() + from - segment.physical(), from);
          single
              .get(range.block())
              .add(new Place(range.offset() + from - range.start(), to - from, List.of(copy)));
        }
      }
    }
    single.forEach(places -> byBlock.add(places.isEmpty() ? NOWHERE : disjoint(places)));
  }

  /** Cuts places wherever one of them starts or ends, so that those of the same bytes unite. */
  private static List<Place> disjoint(List<Place> places) {
    places.sort(Comparator.comparingLong(Place::offset));
    TreeSet<Long> cuts = new TreeSet<>();
    for (Place place : places) {
      cuts.add(place.offset());
      cuts.add(place.end());
    }
    List<Place> result = new ArrayList<>();
    List<Place> open = new ArrayList<>();
    int next = 0;
    long from = cuts.first();
    for (long to : cuts.tailSet(from, false)) {
      while (next < places.size() && places.get(next).offset() <= from) {
        open.add(places.get(next++));
      }
      long start = from;
      open.removeIf(place -> place.end() <= start);
      List<Copy> copies = new ArrayList<>();
      for (Place place : open) {
        Copy copy = place.copies().get(0).plus(start - place.offset());
        if (copies.stream().noneMatch(c -> c.core() == copy.core())) {
          copies.add(copy);
        }
      }
      if (!copies.isEmpty()) {
        append(result, new Place(start, to - start, List.copyOf(copies)));
      }
      from = to;
    }
    return List.copyOf(result);
  }

  private static void append(List<Place> to, Place next) {
    Place last = to.isEmpty() ? null : to.get(to.size() - 1);
    if (last != null
        && last.end() == next.offset()
        && last.copies().size() == 1
        && next.copies().size() == 1
        && last.copies().get(0).core() + last.bytes() == next.copies().get(0).core()) {
      to.set(to.size() - 1, new Place(last.offset(), last.bytes() + next.bytes(), last.copies()));
    } else {
      to.add(next);
    }
  }

  /** Places of a block by ascending offset; they do not overlap. */
  List<Place> of(int block) {
    return byBlock.get(block);
  }

  /** Whether the core holds nothing of this machine's memory. */
  boolean isEmpty() {
    return byBlock.stream().allMatch(List::isEmpty);
  }

  /** Index in {@link #of} of the first place that ends behind {@code offset}, or their number. */
  int firstEndingAfter(int block, long offset) {
    List<Place> places = byBlock.get(block);
    int low = 0;
    int high = places.size();
    while (low < high) {
      int mid = (low + high) >>> 1;
      if (places.get(mid).end() <= offset) {
        low = mid + 1;
      } else {
        high = mid;
      }
    }
    return low;
  }
}
