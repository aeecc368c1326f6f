package dev.vmstate.dump;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A bitmap in a file, least significant bit first, with the number of bits set before each. It
 * stays in the file: what is kept is one count for every 4096 bytes and the piece that was asked
 * for last. Not thread-safe.
 */
final class RankedBitmap {
  private static final int PIECE = 4096;
  private static final int PIECE_BITS = PIECE * 8;

  private final ByteSource source;
  private final Span where;
  private final long bits;
  private final long[] before;
  private final ByteBuffer piece = ByteBuffer.allocate(PIECE).order(ByteOrder.LITTLE_ENDIAN);
  private long loaded = -1;

  /**
   * Counts the bits.
   *
   * @param where the bitmap stands; long enough for {@code bits}
   * @param bits how many there are; what follows does not count
   * @throws FormatException when the file ends before the bitmap does
   */
  RankedBitmap(ByteSource source, Span where, long bits) throws IOException {
    this.source = source;
    this.where = where;
    this.bits = bits;
    if (where.end() > source.size()) {
      throw new FormatException(
          source.name(),
          where.offset(),
          "a bitmap of 0x%x bytes, the file ends at 0x%x (is the file cut short?)"
              .formatted(where.length(), source.size()));
    }
    int pieces = (int) ((bits + PIECE_BITS - 1) / PIECE_BITS);
    this.before = new long[pieces + 1];
    for (int i = 0; i < pieces; i++) {
      load(i);
      before[i + 1] = before[i] + count(PIECE_BITS);
    }
  }

  /** How many bits there are. */
  long bits() {
    return bits;
  }

  /** How many of them are set. */
  long total() {
    return before[before.length - 1];
  }

  boolean get(long bit) throws IOException {
    if (bit >= bits) {
      return false;
    }
    load(bit / PIECE_BITS);
    int at = (int) (bit % PIECE_BITS);
    return (piece.get(at >>> 3) >>> (at & 7) & 1) != 0;
  }

  /** The 64 bits from {@code bit} on, which is a multiple of 64. */
  long word(long bit) throws IOException {
    load(bit / PIECE_BITS);
    return piece.getLong((int) (bit % PIECE_BITS) >>> 3);
  }

  /** How many bits before {@code bit} are set. */
  long rank(long bit) throws IOException {
    load(bit / PIECE_BITS);
    return before[(int) (bit / PIECE_BITS)] + count((int) (bit % PIECE_BITS));
  }

  /** Bits set among the first {@code limit} of the loaded piece. */
  private int count(int limit) {
    int sum = 0;
    int at = 0;
    for (; at + 64 <= limit; at += 64) {
      sum += Long.bitCount(piece.getLong(at >>> 3));
    }
    if (at < limit) {
      sum += Long.bitCount(piece.getLong(at >>> 3) & (1L << (limit - at)) - 1);
    }
    return sum;
  }

  /** Loads a piece; bits that do not count are cleared. */
  private void load(long index) throws IOException {
    if (index == loaded) {
      return;
    }
    loaded = -1;
    long from = index * PIECE;
    int length = (int) Math.min(PIECE, where.length() - from);
    piece.clear().limit(length);
    source.read(where.offset() + from, piece);
    piece.clear();
    long valid = bits - index * PIECE_BITS;
    if (valid < PIECE_BITS) {
      clearFrom((int) valid);
    }
    loaded = index;
  }

  private void clearFrom(int bit) {
    int at = bit >>> 3;
    if ((bit & 7) != 0) {
      piece.put(at, (byte) (piece.get(at) & (1 << (bit & 7)) - 1));
      at++;
    }
    while (at < PIECE) {
      piece.put(at++, (byte) 0);
    }
  }
}
