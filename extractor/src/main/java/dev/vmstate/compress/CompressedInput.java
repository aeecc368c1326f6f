package dev.vmstate.compress;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * Compressed bytes, buffered, with their position. Decoders take exactly what belongs to their
 * member, so that the next one begins where it ends.
 */
final class CompressedInput extends InputStream {
  /** No header field, and no piece a decoder wants at once, is longer. */
  static final int BUFFER = 1 << 16;

  private final InputStream in;
  private final byte[] buffer = new byte[BUFFER];
  private int next;
  private int filled;
  private long base;
  private boolean ended;
  private @Nullable IOException failure;

  /** {@code at}: position of the first byte. */
  CompressedInput(InputStream in, long at) {
    this.in = in;
    this.base = at;
  }

  /** Where the next byte stands. */
  long position() {
    return base + next;
  }

  /** What the input itself failed with, as opposed to a decoder that does not like its bytes. */
  @Nullable IOException failure() {
    return failure;
  }

  /** Whether a decoder wanted more than there is. */
  boolean exhausted() {
    return ended && next == filled;
  }

  /** Makes {@code count} bytes available, or as many as there are; says how many. */
  int fill(int count) throws IOException {
    if (filled - next < count) {
      System.arraycopy(buffer, next, buffer, 0, filled - next);
      base += next;
      filled -= next;
      next = 0;
      while (filled < count) {
        int got = readMore();
        if (got < 0) {
          ended = true;
          break;
        }
        filled += got;
      }
    }
    return filled - next;
  }

  private int readMore() throws IOException {
    try {
      return in.read(buffer, filled, BUFFER - filled);
    } catch (IOException e) {
      failure = e;
      throw e;
    }
  }

  /** Holds what {@link #fill} made available, from {@link #next()} on. */
  byte[] buffer() {
    return buffer;
  }

  int next() {
    return next;
  }

  /** Passes over bytes that are available. */
  void advance(int count) {
    next += count;
  }

  @Override
  public int read() throws IOException {
    return fill(1) == 0 ? -1 : buffer[next++] & 0xff;
  }

  @Override
  public int read(byte[] into, int at, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    int part = Math.min(length, fill(1));
    if (part == 0) {
      return -1;
    }
    System.arraycopy(buffer, next, into, at, part);
    next += part;
    return part;
  }

  /** A byte that must be there. */
  int u8() throws IOException {
    int value = read();
    if (value < 0) {
      throw new EOFException();
    }
    return value;
  }

  /** Big-endian. */
  int u16() throws IOException {
    return u8() << 8 | u8();
  }

  /** Big-endian, all 32 bits. */
  int i32() throws IOException {
    return u16() << 16 | u16();
  }

  /** Little-endian. */
  int u16Little() throws IOException {
    return u8() | u8() << 8;
  }

  /** Little-endian, all 32 bits. */
  int i32Little() throws IOException {
    return u16Little() | u16Little() << 16;
  }

  /** Fills a part of an array. */
  void readFully(byte[] into, int at, int length) throws IOException {
    for (int done = 0; done < length; ) {
      int got = read(into, at + done, length - done);
      if (got < 0) {
        throw new EOFException();
      }
      done += got;
    }
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
