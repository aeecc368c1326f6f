package dev.vmstate.qcow2;

import dev.vmstate.bytes.FormatException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Where an image's header and fixed tables stand. Nothing else may point there: an image in which
 * two of them overlap, or a mapping leads into one, is damaged or made to mislead.
 */
public final class ReservedRanges {
  /**
   * A table.
   *
   * @param what for messages
   * @param start first byte
   * @param end behind its last cluster
   */
  public record Range(String what, long start, long end) {}

  private final Range[] ranges;

  /**
   * Checks that they are disjoint.
   *
   * @throws FormatException when two overlap
   */
  ReservedRanges(String place, List<Range> all) throws FormatException {
    ranges =
        all.stream()
            .filter(range -> range.end > range.start)
            .sorted(Comparator.comparingLong(Range::start))
            .toArray(Range[]::new);
    for (int i = 1; i < ranges.length; i++) {
      if (ranges[i].start < ranges[i - 1].end) {
        throw new FormatException(
            place,
            ranges[i].start,
            "%s and %s overlap".formatted(ranges[i - 1].what, ranges[i].what));
      }
    }
  }

  /** What stands in {@code [start, start + length)}, or "" when it is none of them. */
  public String at(long start, long length) {
    int low = 0;
    int high = ranges.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ranges[middle].end <= start) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < ranges.length && ranges[low].start < start + length ? ranges[low].what : "";
  }

  /** All of them, in file order. */
  List<Range> all() {
    return Arrays.asList(ranges);
  }
}
