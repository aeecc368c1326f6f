package dev.vmstate.compress;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.Adler32;
import java.util.zip.CRC32;
import java.util.zip.Checksum;

/**
 * The head of an lzop member.
 *
 * <pre>
 * Header ::= magic(9), u16 version, u16 library, [u16 needed], u8 method, [u8 level], u32 flags,
 *            [u32 filter], u32 mode, u32 time, [u32 time, upper half], counted name,
 *            u32 checksum from the version on, [u32 length, extra field, u32 checksum]
 * </pre>
 *
 * <p>Big-endian; what is in brackets came with version 0.940 or depends on a flag. Source: lzop
 * 1.04, {@code src/lzop.c}, read_header, write_header; {@code src/conf.h}, F_*.
 *
 * @param flags which checksums the blocks have
 */
record LzopHeader(int flags) {
  static final int[] MAGIC = {0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n'};

  static final int F_ADLER32_D = 0x1;
  static final int F_ADLER32_C = 0x2;
  static final int F_STDIN = 0x4;
  static final int F_STDOUT = 0x8;
  static final int F_H_EXTRA_FIELD = 0x40;
  static final int F_CRC32_D = 0x100;
  static final int F_CRC32_C = 0x200;
  static final int F_MULTIPART = 0x400;
  static final int F_H_FILTER = 0x800;
  static final int F_H_CRC32 = 0x1000;
  private static final int F_OS_UNIX = 0x0300_0000;

  /** The first version with a level, a version that is needed, and 64 bits of time. */
  private static final int V_0_940 = 0x0940;

  private static final int OLDEST = 0x0900;

  /** What lzop 1.04 says of itself, of LZO 2.10, and of the oldest lzop that reads its files. */
  private static final int VERSION = 0x1040;

  private static final int LIBRARY = 0x20a0;

  /** LZO1X-1, LZO1X-1(15) and LZO1X-999: one decoder reads them all. */
  private static final int LZO1X_1 = 1;

  private static final int LZO1X_999 = 3;
  private static final int DEFAULT_LEVEL = 3;

  static LzopHeader read(CompressedInput in) throws IOException {
    in.readFully(new byte[MAGIC.length], 0, MAGIC.length);
    Fields fields = new Fields(in);
    int version = fields.u16();
    if (version < OLDEST) {
      throw new IOException("version 0x%04x, 0x0900 is the oldest".formatted(version));
    }
    fields.u16();
    if (version >= V_0_940) {
      int needed = fields.u16();
      if (needed > VERSION) {
        throw new TooLargeException(
            "it needs lzop 0x%04x, only 0x%04x is known".formatted(needed, VERSION));
      }
    }
    int method = fields.u8();
    if (method < LZO1X_1 || method > LZO1X_999) {
      throw new IOException("compression method %d, 1 to 3 are known".formatted(method));
    }
    if (version >= V_0_940) {
      fields.u8();
    }
    int flags = fields.i32();
    if ((flags & F_H_FILTER) != 0) {
      throw new TooLargeException("it was filtered (flag 0x800)");
    }
    fields.i32();
    fields.i32();
    if (version >= V_0_940) {
      fields.i32();
    }
    for (int length = fields.u8(); length > 0; length--) {
      fields.u8();
    }
    fields.checksum(flags);
    if ((flags & F_H_EXTRA_FIELD) != 0) {
      Fields extra = new Fields(in);
      for (long length = extra.i32() & 0xffff_ffffL; length > 0; length--) {
        extra.u8();
      }
      extra.checksum(flags);
    }
    return new LzopHeader(flags);
  }

  /** What {@code lzop -c} writes in a pipe, without a time. */
  byte[] encode() {
    ByteBuffer out = ByteBuffer.allocate(64);
    for (int b : MAGIC) {
      out.put((byte) b);
    }
    int start = out.position();
    out.putShort((short) VERSION).putShort((short) LIBRARY).putShort((short) V_0_940);
    out.put((byte) LZO1X_1).put((byte) DEFAULT_LEVEL).putInt(flags | F_OS_UNIX);
    out.putInt(0).putInt(0).putInt(0).put((byte) 0);
    Adler32 checksum = new Adler32();
    checksum.update(out.array(), start, out.position() - start);
    out.putInt((int) checksum.getValue());
    byte[] bytes = new byte[out.flip().remaining()];
    out.get(bytes);
    return bytes;
  }

  /** Reads numbers and sums them up. */
  private static final class Fields {
    private final CompressedInput in;
    private final Adler32 adler = new Adler32();
    private final CRC32 crc = new CRC32();

    Fields(CompressedInput in) {
      this.in = in;
    }

    int u8() throws IOException {
      int value = in.u8();
      adler.update(value);
      crc.update(value);
      return value;
    }

    int u16() throws IOException {
      return u8() << 8 | u8();
    }

    int i32() throws IOException {
      return u16() << 16 | u16();
    }

    void checksum(int flags) throws IOException {
      Checksum sum = (flags & F_H_CRC32) != 0 ? crc : adler;
      int found = in.i32();
      if (found != (int) sum.getValue()) {
        throw new IOException(
            "the header's checksum is 0x%08x, not 0x%08x".formatted((int) sum.getValue(), found));
      }
    }
  }
}
