package dev.vmstate.core.kdump;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A set of page frames: a bitmap in pieces of 4 KiB, for 128 MiB of RAM each, of which only those
 * with a frame in them exist. RAM far up costs no more than RAM at 0.
 */
final class FrameSet {
  private static final int SHIFT = 15;
  private static final long FRAMES = 1L << SHIFT;

  private final Map<Long, long[]> pieces = new HashMap<>();
  private long lastNumber = -1;
  private long @Nullable [] last;

  private long @Nullable [] piece(long frame) {
    long number = frame >>> SHIFT;
    if (number != lastNumber) {
      lastNumber = number;
      last = pieces.get(number);
    }
    return last;
  }

  boolean has(long frame) {
    long[] piece = piece(frame);
    return piece != null && (piece[at(frame)] >>> frame & 1) != 0;
  }

  private static int at(long frame) {
    return (int) (frame & (FRAMES - 1)) >>> 6;
  }

  /** Adds {@code [from, to)}; how many were not in it. */
  long add(long from, long to) {
    long added = 0;
    for (long frame = from; frame < to; ) {
      long[] piece = piece(frame);
      if (piece == null) {
        piece = new long[(int) (FRAMES / Long.SIZE)];
        pieces.put(frame >>> SHIFT, piece);
        last = piece;
      }
      long end = Math.min(to, (frame | Long.SIZE - 1) + 1);
      long mask = -1L >>> Long.SIZE - (end - frame) << frame;
      added += Long.bitCount(mask & ~piece[at(frame)]);
      piece[at(frame)] |= mask;
      frame = end;
    }
    return added;
  }

  /**
   * The first frame from {@code from} on that is in it, or is not; {@code end} if there is none.
   */
  long next(boolean in, long from, long end) {
    long frame = from;
    while (frame < end) {
      long[] piece = piece(frame);
      long word = piece == null ? 0 : piece[at(frame)];
      long left = (in ? word : ~word) >>> frame;
      if (left != 0) {
        return Math.min(end, frame + Long.numberOfTrailingZeros(left));
      }
      // What is not there is skipped as a whole.
      frame = piece == null ? (frame | FRAMES - 1) + 1 : (frame | Long.SIZE - 1) + 1;
    }
    return end;
  }

  /** Clears its bits in a bitmap whose first bit is that of frame {@code from}, a multiple of 8. */
  void clear(long from, byte[] bitmap) {
    long end = from + 8L * bitmap.length;
    for (long frame = next(true, from, end); frame < end; frame = next(true, frame + 1, end)) {
      bitmap[(int) (frame - from) / 8] &= (byte) ~(1 << frame % 8);
    }
  }
}
