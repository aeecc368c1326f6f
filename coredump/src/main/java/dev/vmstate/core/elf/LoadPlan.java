package dev.vmstate.core.elf;

import dev.vmstate.core.paging.VirtualMap;
import dev.vmstate.core.paging.VirtualRun;
import dev.vmstate.elf.Elf;
import dev.vmstate.elf.LoadSegment;
import dev.vmstate.memory.MemoryMap;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Which PT_LOADs a core has.
 *
 * <p>One per virtual run, clipped to RAM; then one with p_vaddr = p_paddr for every part of RAM no
 * run covers, so that the physical coverage is exactly the memory map's ranges. Debuggers search
 * the list from the start: the longest run, the direct map, comes first, the parts without a
 * virtual address last, since a user program may live at the same numbers. When there are more than
 * the header holds, the shortest runs are left out and their RAM is covered physically.
 *
 * @param loads in file order
 * @param leftOut virtual runs that found no room
 */
public record LoadPlan(List<LoadSegment> loads, int leftOut) {
  private static final int ALL = Elf.PF_R | Elf.PF_W | Elf.PF_X;

  /** A stretch of guest-physical addresses. */
  private record Stretch(long start, long end) {}

  public LoadPlan {
    loads = List.copyOf(loads);
  }

  /**
   * Plans the PT_LOADs.
   *
   * @param virtual {@link VirtualMap#NONE} for a core with physical addresses only
   * @throws IllegalArgumentException when the map has more ranges than the layout has room for
   */
  public static LoadPlan of(CoreLayout layout, MemoryMap map, VirtualMap virtual) {
    List<LoadSegment> runs = new ArrayList<>();
    for (VirtualRun run : virtual.runs()) {
      addClipped(layout, map, run, runs);
    }
    runs.sort(
        Comparator.comparingLong(LoadSegment::fileBytes)
            .reversed()
            .thenComparing(LoadSegment::virtual, Long::compareUnsigned));
    int kept = Math.min(runs.size(), layout.maxLoads());
    List<LoadSegment> rest = uncovered(layout, map, runs.subList(0, kept));
    if (kept + rest.size() > layout.maxLoads()) {
      // Leaving a run out never lengthens the whole list: it can leave one uncovered part at most.
      int low = 0;
      int high = kept;
      while (low < high) {
        int mid = (low + high + 1) >>> 1;
        if (mid + uncovered(layout, map, runs.subList(0, mid)).size() <= layout.maxLoads()) {
          low = mid;
        } else {
          high = mid - 1;
        }
      }
      kept = low;
      rest = uncovered(layout, map, runs.subList(0, kept));
      if (kept + rest.size() > layout.maxLoads()) {
        throw new IllegalArgumentException(
            "%d memory ranges, room for %d".formatted(rest.size(), layout.maxLoads()));
      }
    }
    List<LoadSegment> loads = new ArrayList<>(runs.subList(0, kept));
    loads.addAll(rest);
    return new LoadPlan(loads, runs.size() - kept);
  }

  private static void addClipped(
      CoreLayout layout, MemoryMap map, VirtualRun run, List<LoadSegment> to) {
    long end = run.physical() + run.bytes();
    int flags = Elf.PF_R;
    flags |= (run.rights() & VirtualRun.WRITABLE) != 0 ? Elf.PF_W : 0;
    flags |= (run.rights() & VirtualRun.EXECUTABLE) != 0 ? Elf.PF_X : 0;
    List<MemoryMap.Range> ranges = map.ranges();
    for (int i = map.firstEndingAfter(run.physical());
        i < ranges.size() && ranges.get(i).start() < end;
        i++) {
      MemoryMap.Range range = ranges.get(i);
      long from = Math.max(run.physical(), range.start());
      long bytes = Math.min(end, range.end()) - from;
      to.add(segment(layout, range, run.virtual() + (from - run.physical()), from, bytes, flags));
    }
  }

  private static List<LoadSegment> uncovered(
      CoreLayout layout, MemoryMap map, List<LoadSegment> runs) {
    List<Stretch> covered = new ArrayList<>(runs.size());
    for (LoadSegment run : runs) {
      covered.add(new Stretch(run.physical(), run.physical() + run.fileBytes()));
    }
    covered.sort(Comparator.comparingLong(Stretch::start));
    List<LoadSegment> rest = new ArrayList<>();
    int next = 0;
    for (MemoryMap.Range range : map.ranges()) {
      long at = range.start();
      // Clipped runs lie inside one range each, so none reaches over from the range before.
      while (next < covered.size() && covered.get(next).start() < range.end()) {
        Stretch stretch = covered.get(next++);
        if (stretch.start() > at) {
          rest.add(segment(layout, range, at, at, stretch.start() - at, ALL));
        }
        at = Math.max(at, stretch.end());
      }
      if (at < range.end()) {
        rest.add(segment(layout, range, at, at, range.end() - at, ALL));
      }
    }
    return rest;
  }

  private static LoadSegment segment(
      CoreLayout layout,
      MemoryMap.Range range,
      long virtual,
      long physical,
      long bytes,
      int flags) {
    long offset = layout.offsetOf(range.block(), range.offset() + (physical - range.start()));
    return new LoadSegment(virtual, physical, offset, bytes, bytes, flags);
  }
}
