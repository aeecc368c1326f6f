package dev.vmstate.elf;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * A core's PT_LOADs by guest-physical address, every address once. A core with virtual addresses
 * lists the same RAM many times (direct map, kernel image, vmemmap), at the same file offset each
 * time; of headers that disagree the one with the lower p_paddr counts, then the longer.
 */
public final class PhysicalSegments {
  /**
   * A stretch of guest-physical addresses that stand in the file one after the other.
   *
   * @param physical first guest-physical address
   * @param fileOffset where its byte stands
   * @param bytes length, never 0
   */
  public record Segment(long physical, long fileOffset, long bytes) {
    /** First address after the segment. */
    public long end() {
      return physical + bytes;
    }
  }

  private final List<Segment> segments;

  private PhysicalSegments(List<Segment> segments) {
    this.segments = List.copyOf(segments);
  }

  /** The loads' addresses are not negative and their ends do not wrap. */
  static PhysicalSegments of(List<LoadSegment> loads) {
    List<LoadSegment> sorted = new ArrayList<>(loads);
    sorted.sort(
        Comparator.comparingLong(LoadSegment::physical)
            .thenComparing(Comparator.comparingLong(LoadSegment::fileBytes).reversed()));
    List<Segment> result = new ArrayList<>();
    long end = 0;
    for (LoadSegment load : sorted) {
      long from = Math.max(load.physical(), end);
      long bytes = load.physical() + load.fileBytes() - from;
      if (bytes > 0) {
        append(result, new Segment(from, load.fileOffset() + (from - load.physical()), bytes));
        end = from + bytes;
      }
    }
    return new PhysicalSegments(result);
  }

  private static void append(List<Segment> to, Segment next) {
    Segment last = to.isEmpty() ? null : to.get(to.size() - 1);
    if (last != null
        && last.end() == next.physical()
        && last.fileOffset() + last.bytes() == next.fileOffset()) {
      to.set(
          to.size() - 1,
          new Segment(last.physical(), last.fileOffset(), last.bytes() + next.bytes()));
    } else {
      to.add(next);
    }
  }

  /** By ascending address, not overlapping, neighbours merged. */
  public List<Segment> segments() {
    return segments;
  }

  /** The segment that holds {@code address}. */
  public Optional<Segment> at(long address) {
    int index = firstEndingAfter(address);
    return index < segments.size() && segments.get(index).physical() <= address
        ? Optional.of(segments.get(index))
        : Optional.empty();
  }

  /** Index of the first segment that ends behind {@code address}, or their number. */
  public int firstEndingAfter(long address) {
    int low = 0;
    int high = segments.size();
    while (low < high) {
      int mid = (low + high) >>> 1;
      if (segments.get(mid).end() <= address) {
        low = mid + 1;
      } else {
        high = mid;
      }
    }
    return low;
  }
}
