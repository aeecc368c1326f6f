package dev.vmstate.core.kdump;

import dev.vmstate.memory.MemoryMap;
import java.util.ArrayList;
import java.util.List;

/**
 * Which page frames there are, as runs. A frame of which only a part is RAM counts as a whole, its
 * other bytes are zero.
 *
 * @param runs ascending, neither touching nor overlapping
 */
record FrameMap(List<Run> runs) {
  /** Frames {@code [first, end)}. */
  record Run(long first, long end) {}

  static FrameMap of(MemoryMap map, int pageSize) {
    List<Run> runs = new ArrayList<>();
    for (MemoryMap.Range range : map.ranges()) {
      long first = range.start() / pageSize;
      long end = (range.end() + pageSize - 1) / pageSize;
      Run last = runs.isEmpty() ? null : runs.get(runs.size() - 1);
      if (last != null && first <= last.end()) {
        runs.set(runs.size() - 1, new Run(last.first(), Math.max(last.end(), end)));
      } else {
        runs.add(new Run(first, end));
      }
    }
    return new FrameMap(List.copyOf(runs));
  }

  long count() {
    return runs.stream().mapToLong(run -> run.end() - run.first()).sum();
  }

  /** One more than the highest frame. */
  long end() {
    return runs.isEmpty() ? 0 : runs.get(runs.size() - 1).end();
  }

  /**
   * Sets bits {@code [from, from + 8 * bytes.length)} of the bitmap, bit n for frame n.
   *
   * @return whether one was set
   */
  boolean bits(long from, byte[] bytes) {
    long to = from + 8L * bytes.length;
    boolean any = false;
    for (Run run : runs) {
      any |= run.first() < to && run.end() > from;
      for (long frame = Math.max(from, run.first()); frame < Math.min(to, run.end()); ) {
        int at = (int) ((frame - from) / 8);
        if (frame % 8 == 0 && frame + 8 <= Math.min(to, run.end())) {
          bytes[at] = (byte) 0xff;
          frame += 8;
        } else {
          bytes[at] |= (byte) (1 << frame % 8);
          frame++;
        }
      }
    }
    return any;
  }

  /** Takes runs of frames. */
  interface Taker {
    void take(long first, long end);
  }

  /** Those of the frames {@code [from, to)} that there are. */
  void within(long from, long to, Taker taker) {
    for (int i = firstEndingAfter(from); i < runs.size() && runs.get(i).first() < to; i++) {
      taker.take(Math.max(from, runs.get(i).first()), Math.min(to, runs.get(i).end()));
    }
  }

  private int firstEndingAfter(long frame) {
    int low = 0;
    int high = runs.size();
    while (low < high) {
      int mid = (low + high) >>> 1;
      if (runs.get(mid).end() <= frame) {
        low = mid + 1;
      } else {
        high = mid;
      }
    }
    return low;
  }
}
