package dev.vmstate.compress;

import java.io.EOFException;
import java.io.IOException;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * A gzip member.
 *
 * <pre>
 * Member ::= 1f 8b, u8 method, u8 flags, u32 time, u8, u8 system
 *            [u16 length, extra] [name NUL] [comment NUL] [u16 CRC-32 of all before]
 *            deflated data, u32 CRC-32, u32 length
 * </pre>
 *
 * <p>Little-endian; RFC 1952. Read by hand: libraries keep the name, however long it is.
 */
final class GzipMember implements Member {
  private static final int DEFLATE = 8;
  private static final int FHCRC = 2;
  private static final int FEXTRA = 4;
  private static final int FNAME = 8;
  private static final int FCOMMENT = 16;
  private static final int RESERVED = 0xe0;

  private final CompressedInput in;
  private final Inflater inflater = new Inflater(true);
  private final CRC32 crc = new CRC32();
  private int length;

  GzipMember(CompressedInput in) throws IOException {
    this.in = in;
    try {
      header();
    } catch (IOException e) {
      inflater.end();
      throw e;
    }
  }

  private void header() throws IOException {
    next();
    next();
    int method = next();
    if (method != DEFLATE) {
      throw new IOException("compression method %d, only 8 is known".formatted(method));
    }
    int flags = next();
    if ((flags & RESERVED) != 0) {
      throw new IOException("flags 0x%02x, of which some are reserved".formatted(flags));
    }
    skip(6);
    if ((flags & FEXTRA) != 0) {
      skip(next() | next() << 8);
    }
    if ((flags & FNAME) != 0) {
      text();
    }
    if ((flags & FCOMMENT) != 0) {
      text();
    }
    if ((flags & FHCRC) != 0) {
      int expected = (int) crc.getValue() & 0xffff;
      int found = in.u16Little();
      if (found != expected) {
        throw new IOException(
            "the header's checksum is 0x%04x, not 0x%04x".formatted(expected, found));
      }
    }
    crc.reset();
  }

  private int next() throws IOException {
    int value = in.u8();
    crc.update(value);
    return value;
  }

  private void skip(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      next();
    }
  }

  private void text() throws IOException {
    for (int i = 0; next() != 0; i++) {
      if (i > CompressedInput.BUFFER) {
        throw new IOException("a name of more than 64 KiB in the header");
      }
    }
  }

  @Override
  public int read(byte[] into, int at, int wanted) throws IOException {
    while (true) {
      int available = in.fill(1);
      inflater.setInput(in.buffer(), in.next(), available);
      int got;
      try {
        got = inflater.inflate(into, at, wanted);
      } catch (DataFormatException e) {
        throw new IOException(e.getMessage(), e);
      }
      in.advance(available - inflater.getRemaining());
      if (got > 0) {
        crc.update(into, at, got);
        length += got;
        return got;
      }
      if (inflater.finished()) {
        trailer();
        return -1;
      }
      if (inflater.needsDictionary()) {
        throw new IOException("it wants a dictionary");
      }
      if (available == 0) {
        throw new EOFException();
      }
    }
  }

  private void trailer() throws IOException {
    int expected = in.i32Little();
    if (expected != (int) crc.getValue()) {
      throw new IOException(
          "its contents have the checksum 0x%08x, not 0x%08x".formatted(crc.getValue(), expected));
    }
    int expectedLength = in.i32Little();
    if (expectedLength != length) {
      throw new IOException(
          "its contents are 0x%x bytes long, not 0x%x".formatted(length, expectedLength));
    }
  }

  @Override
  public void close() {
    inflater.end();
  }
}
