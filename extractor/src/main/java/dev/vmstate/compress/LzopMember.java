package dev.vmstate.compress;

import io.airlift.compress.lzo.LzoDecompressor;
import java.io.IOException;
import java.util.zip.Adler32;
import java.util.zip.CRC32;
import java.util.zip.Checksum;

/**
 * An lzop member: {@link LzopHeader}, then blocks.
 *
 * <pre>
 * Block ::= u32 length, u32 packed length, [u32 Adler-32], [u32 CRC-32],
 *           [u32 Adler-32 of the packed bytes], [u32 CRC-32 of them], the packed bytes
 * End   ::= u32 0
 * </pre>
 *
 * <p>A block that did not get smaller is stored, both lengths are equal then, and it has no
 * checksums of packed bytes. Source: lzop 1.04, {@code src/p_lzo.c}, lzo_decompress.
 */
final class LzopMember implements Member {
  /** lzop writes 256 KiB and reads up to 64 MiB. */
  private static final int MAX_BLOCK = 16 << 20;

  private final CompressedInput in;
  private final int flags;
  private final LzoDecompressor decompressor = new LzoDecompressor();
  private byte[] packed = new byte[0];
  private byte[] out = new byte[0];
  private int next;
  private int end;

  LzopMember(CompressedInput in) throws IOException {
    this.in = in;
    this.flags = LzopHeader.read(in).flags();
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
    long length = in.i32() & 0xffff_ffffL;
    if (length == 0) {
      return false;
    }
    if (length > MAX_BLOCK) {
      throw new TooLargeException(
          "a block of %d bytes, at most %d MiB are read".formatted(length, MAX_BLOCK >> 20));
    }
    long packedLength = in.i32() & 0xffff_ffffL;
    if (packedLength == 0 || packedLength > length) {
      throw new IOException(
          "a block of %d bytes is packed into %d".formatted(length, packedLength));
    }
    boolean stored = packedLength == length;
    int adler = has(LzopHeader.F_ADLER32_D, true);
    int crc = has(LzopHeader.F_CRC32_D, true);
    int packedAdler = has(LzopHeader.F_ADLER32_C, !stored);
    int packedCrc = has(LzopHeader.F_CRC32_C, !stored);
    packed = room(packed, (int) packedLength);
    in.readFully(packed, 0, (int) packedLength);
    if (!stored) {
      check(LzopHeader.F_ADLER32_C, new Adler32(), packed, (int) packedLength, packedAdler);
      check(LzopHeader.F_CRC32_C, new CRC32(), packed, (int) packedLength, packedCrc);
    }
    out = room(out, (int) length);
    next = 0;
    end = (int) length;
    if (stored) {
      System.arraycopy(packed, 0, out, 0, end);
    } else {
      int got = decompressor.decompress(packed, 0, (int) packedLength, out, 0, end);
      if (got != length) {
        throw new IOException("a block of %d bytes has %d".formatted(length, got));
      }
    }
    check(LzopHeader.F_ADLER32_D, new Adler32(), out, end, adler);
    check(LzopHeader.F_CRC32_D, new CRC32(), out, end, crc);
    return true;
  }

  private int has(int flag, boolean there) throws IOException {
    return there && (flags & flag) != 0 ? in.i32() : 0;
  }

  private void check(int flag, Checksum sum, byte[] bytes, int length, int found)
      throws IOException {
    if ((flags & flag) != 0) {
      sum.update(bytes, 0, length);
      if ((int) sum.getValue() != found) {
        throw new IOException(
            "a block's checksum is 0x%08x, not 0x%08x".formatted((int) sum.getValue(), found));
      }
    }
  }

  private static byte[] room(byte[] array, int length) {
    return array.length >= length ? array : new byte[length];
  }
}
