package dev.vmstate.compress;

import java.io.IOException;
import net.jpountz.xxhash.StreamingXXHash32;
import net.jpountz.xxhash.XXHash32;
import net.jpountz.xxhash.XXHashFactory;

/**
 * An LZ4 frame.
 *
 * <pre>
 * Frame      ::= u32 184d2204, Descriptor, Block*, u32 0, [u32 xxh32 of the contents]
 * Descriptor ::= u8 flags, u8 block size, [u64 content size], [u32 dictionary], u8 checksum
 * Block      ::= u32 size (top bit: stored), that many bytes, [u32 xxh32 of them]
 * </pre>
 *
 * <p>Little-endian. Source: lz4, {@code doc/lz4_Frame_format.md} 1.6.3. The library reads only
 * frames with independent blocks, which is what the lz4 program writes; others (Python's lz4) let a
 * block refer to 64 KiB before it, so frames are read by hand.
 */
final class Lz4Member implements Member {
  private static final int VERSION = 0xc0;
  private static final int INDEPENDENT = 0x20;
  private static final int BLOCK_CHECKSUM = 0x10;
  private static final int CONTENT_SIZE = 0x08;
  private static final int CONTENT_CHECKSUM = 0x04;
  private static final int RESERVED = 0x02;
  private static final int DICTIONARY = 0x01;
  private static final XXHashFactory HASHES = XXHashFactory.fastestInstance();

  private final CompressedInput in;
  private final boolean independent;
  private final boolean blockChecksum;
  private final boolean contentChecksum;
  private final byte[] packed;
  private final StreamingXXHash32 hash = HASHES.newStreamingHash32(0);

  /** {@link Lz4Block#HISTORY} bytes of what came before, then the block. */
  private final byte[] out;

  private int history;
  private int next = Lz4Block.HISTORY;
  private int end = Lz4Block.HISTORY;

  Lz4Member(CompressedInput in) throws IOException {
    this.in = in;
    in.i32Little();
    byte[] descriptor = new byte[15];
    in.readFully(descriptor, 0, 2);
    int flags = descriptor[0];
    int sizes = descriptor[1];
    if ((flags & VERSION) != 0x40 || (flags & RESERVED) != 0 || (sizes & 0x8f) != 0) {
      throw new IOException(
          "a frame with flags 0x%02x 0x%02x, which are of no known version"
              .formatted(flags & 0xff, sizes & 0xff));
    }
    if ((flags & DICTIONARY) != 0) {
      throw new TooLargeException("it needs a dictionary that is not in the file");
    }
    int length = (flags & CONTENT_SIZE) == 0 ? 2 : 10;
    in.readFully(descriptor, 2, length - 2);
    int checksum = HASHES.hash32().hash(descriptor, 0, length, 0) >>> 8 & 0xff;
    int found = in.u8();
    if (found != checksum) {
      throw new IOException(
          "the frame header's checksum is 0x%02x, not 0x%02x".formatted(checksum, found));
    }
    if (sizes >> 4 < 4) {
      throw new IOException("block size %d, 4 to 7 are known".formatted(sizes >> 4));
    }
    this.independent = (flags & INDEPENDENT) != 0;
    this.blockChecksum = (flags & BLOCK_CHECKSUM) != 0;
    this.contentChecksum = (flags & CONTENT_CHECKSUM) != 0;
    int largest = 1 << 8 + 2 * (sizes >> 4);
    this.packed = new byte[largest];
    this.out = new byte[Lz4Block.HISTORY + largest];
  }

  @Override
  public int read(byte[] into, int at, int length) throws IOException {
    while (next == end) {
      if (!block()) {
        return -1;
      }
    }
    int part = Math.min(length, end - next);
    System.arraycopy(out, next, into, at, part);
    next += part;
    return part;
  }

  private boolean block() throws IOException {
    int word = in.i32Little();
    if (word == 0) {
      if (contentChecksum) {
        check("contents", hash.getValue(), in.i32Little());
      }
      return false;
    }
    int size = word & 0x7fff_ffff;
    if (size > packed.length) {
      throw new IOException(
          "a block of 0x%x bytes in a frame of blocks of 0x%x".formatted(size, packed.length));
    }
    in.readFully(packed, 0, size);
    if (blockChecksum) {
      XXHash32 ofBlock = HASHES.hash32();
      check("block", ofBlock.hash(packed, 0, size, 0), in.i32Little());
    }
    keepHistory();
    if (word < 0) {
      System.arraycopy(packed, 0, out, Lz4Block.HISTORY, size);
      end = Lz4Block.HISTORY + size;
    } else {
      end = Lz4Block.decompress(packed, size, out, history);
    }
    next = Lz4Block.HISTORY;
    if (contentChecksum) {
      hash.update(out, next, end - next);
    }
    return true;
  }

  private void keepHistory() {
    if (!independent) {
      int kept = Math.min(Lz4Block.HISTORY, history + end - Lz4Block.HISTORY);
      System.arraycopy(out, end - kept, out, Lz4Block.HISTORY - kept, kept);
      history = kept;
    }
  }

  private static void check(String what, int checksum, int found) throws IOException {
    if (checksum != found) {
      throw new IOException(
          "the checksum of the %s is 0x%08x, not 0x%08x".formatted(what, checksum, found));
    }
  }
}
