package dev.vmstate.diff;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.BiConsumer;

/** Finds where two equally long spans differ, a window at a time. */
final class ByteComparison {
  private static final int WINDOW = 1 << 16;

  /** Equal bytes between two differing ones that are not worth a range of their own. */
  private static final int GAP = 3;

  private final ByteSource a;
  private final ByteSource b;

  ByteComparison(ByteSource a, ByteSource b) {
    this.a = a;
    this.b = b;
  }

  /** Whether the two spans hold the same bytes. */
  boolean same(Span inA, Span inB) throws IOException {
    if (inA.length() != inB.length()) {
      return false;
    }
    for (long at = 0; at < inA.length(); at += WINDOW) {
      long part = Math.min(WINDOW, inA.length() - at);
      if (!Arrays.equals(a.bytes(inA.at(at, part)), b.bytes(inB.at(at, part)))) {
        return false;
      }
    }
    return true;
  }

  /** Shows each range of differing bytes as offset in the spans (key) and length, ascending. */
  void ranges(Span inA, Span inB, BiConsumer<Long, Long> range) throws IOException {
    long length = Math.min(inA.length(), inB.length());
    long start = -1;
    long end = -1;
    for (long at = 0; at < length; at += WINDOW) {
      int part = (int) Math.min(WINDOW, length - at);
      byte[] left = a.bytes(inA.at(at, part));
      byte[] right = b.bytes(inB.at(at, part));
      int from = 0;
      while (from < part) {
        int next = Arrays.mismatch(left, from, part, right, from, part);
        if (next < 0) {
          break;
        }
        long found = at + from + next;
        if (start >= 0 && found - end > GAP) {
          range.accept(start, end - start);
          start = -1;
        }
        start = start < 0 ? found : start;
        end = found + 1;
        from += next + 1;
      }
    }
    if (start >= 0) {
      range.accept(start, end - start);
    }
  }
}
