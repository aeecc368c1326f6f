package dev.vmstate.compress;

import java.io.IOException;

/**
 * One LZ4 block.
 *
 * <pre>
 * Block    ::= Sequence*, the last one without a match
 * Sequence ::= u8 (literals 4 bits | match - 4: 4 bits), length bytes if 15, literals,
 *              u16 offset (little-endian), length bytes if 15
 * </pre>
 *
 * <p>A length of 15 goes on in bytes that are added, until one is not 255. Source: lz4, {@code
 * doc/lz4_Block_format.md}.
 */
final class Lz4Block {
  /** A match reaches no further back. */
  static final int HISTORY = 1 << 16;

  private static final int LEAST_MATCH = 4;

  private final byte[] in;
  private final int length;
  private int next;

  private Lz4Block(byte[] in, int length) {
    this.in = in;
    this.length = length;
  }

  /**
   * Decompresses the first {@code length} bytes of {@code in} to {@code out}, from {@link #HISTORY}
   * on.
   *
   * @param history bytes right before that which matches may refer to
   * @return where the decompressed bytes end in {@code out}
   */
  static int decompress(byte[] in, int length, byte[] out, int history) throws IOException {
    return new Lz4Block(in, length).decompress(out, history);
  }

  private int decompress(byte[] out, int history) throws IOException {
    int at = HISTORY;
    while (true) {
      int token = u8();
      int literals = more(token >> 4);
      if (literals > length - next || literals > out.length - at) {
        throw bad("%d literals do not fit".formatted(literals));
      }
      System.arraycopy(in, next, out, at, literals);
      next += literals;
      at += literals;
      if (next == length) {
        return at;
      }
      int offset = u8() | u8() << 8;
      int match = more(token & 0xf) + LEAST_MATCH;
      if (offset == 0 || offset > at - HISTORY + history) {
        throw bad(
            "a match 0x%x bytes back, 0x%x are known".formatted(offset, at - HISTORY + history));
      }
      if (match > out.length - at) {
        throw bad("a match of %d bytes does not fit".formatted(match));
      }
      copy(out, at, offset, match);
      at += match;
    }
  }

  /** The two may overlap: what was copied is copied again. */
  private static void copy(byte[] out, int at, int offset, int length) {
    int from = at - offset;
    for (int step = offset; length > 0; step += step) {
      int part = Math.min(step, length);
      System.arraycopy(out, from, out, at, part);
      at += part;
      length -= part;
    }
  }

  private int u8() throws IOException {
    if (next == length) {
      throw bad("it ends inside a sequence");
    }
    return in[next++] & 0xff;
  }

  private int more(int nibble) throws IOException {
    int sum = nibble;
    for (int last = nibble == 15 ? 255 : 0; last == 255; sum += last) {
      last = u8();
    }
    return sum;
  }

  private static IOException bad(String why) {
    return new IOException("a damaged block: " + why);
  }
}
