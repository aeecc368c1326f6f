package dev.vmstate.inject;

import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Splices of one source in ascending order, none over another, and what they come to: which bytes
 * stay, and where they stand afterwards.
 */
final class Splices {
  private final List<Splice> list;
  private final long growth;

  private Splices(List<Splice> list) {
    this.list = list;
    this.growth = list.stream().mapToLong(Splice::growth).sum();
  }

  /**
   * Puts splices in order.
   *
   * @throws IOException when two of them want the same bytes
   */
  static Splices of(List<Splice> splices) throws IOException {
    List<Splice> sorted = new ArrayList<>(splices);
    sorted.removeIf(splice -> splice.where().length() == 0 && !splice.with().hasRemaining());
    sorted.sort(
        Comparator.comparingLong((Splice splice) -> splice.where().offset())
            .thenComparingLong(splice -> splice.where().length()));
    for (int i = 1; i < sorted.size(); i++) {
      if (sorted.get(i - 1).where().end() > sorted.get(i).where().offset()) {
        throw new IOException(
            "two edits change the bytes at 0x%x of the stream: make one after the other"
                .formatted(sorted.get(i).where().offset()));
      }
    }
    return new Splices(List.copyOf(sorted));
  }

  List<Splice> list() {
    return list;
  }

  /** By how many bytes all of it grows; negative when it shrinks. */
  long growth() {
    return growth;
  }

  /** Whether every byte that stays stays where it is. */
  boolean nothingMoves() {
    return list.stream().allMatch(splice -> splice.growth() == 0);
  }

  /** By how many bytes what stands at {@code offset} moves. */
  long shift(long offset) {
    long shift = 0;
    for (Splice splice : list) {
      if (splice.where().end() > offset) {
        break;
      }
      shift += splice.growth();
    }
    return shift;
  }

  /** Bytes that stay, and where they stand afterwards. */
  record Kept(Span where, long becomes) {
    long shift() {
      return becomes - where.offset();
    }
  }

  /** What stays of a source of {@code size} bytes, in ascending order. */
  List<Kept> kept(long size) {
    List<Kept> kept = new ArrayList<>();
    long from = 0;
    long shift = 0;
    for (Splice splice : list) {
      if (splice.where().offset() > from) {
        kept.add(new Kept(new Span(from, splice.where().offset() - from), from + shift));
      }
      from = splice.where().end();
      shift += splice.growth();
    }
    if (size > from) {
      kept.add(new Kept(new Span(from, size - from), from + shift));
    }
    return kept;
  }
}
