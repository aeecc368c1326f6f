package dev.vmstate.ram;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Reads a source from one place onwards, each byte once, through one large buffer. {@link #need}
 * makes the next bytes stand in {@link #buffer()} at {@link #at()}.
 */
final class SequentialReader {
  /** Big enough for a page of 64 KiB, small enough to stay in the processor's cache. */
  private static final int BUFFER = 1 << 18;

  private final ByteSource source;
  private final Progress progress;
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);

  /** Stream offset of buffer index 0. */
  private long base;

  private int at;
  private int filled;

  SequentialReader(ByteSource source, long start, Progress progress) {
    this.progress = progress;
    this.source = source;
    this.base = start;
  }

  /** The bytes, big-endian; only absolute reads are allowed. */
  ByteBuffer buffer() {
    return buffer;
  }

  /** Buffer index of the next byte. */
  int at() {
    return at;
  }

  /** Stream offset of the next byte. */
  long position() {
    return base + at;
  }

  /** Makes {@code count} bytes (at most a page and its header) available at {@link #at()}. */
  void need(int count, String what) throws IOException {
    if (filled - at >= count) {
      return;
    }
    refill();
    if (filled - at < count) {
      throw new FormatException(
          source.name(),
          position(),
          "'%s' needs %d bytes, %d left: the file is cut short inside the RAM section"
              .formatted(what, count, filled - at));
    }
  }

  /** Passes over bytes that {@link #need} made available. */
  void advance(int count) {
    at += count;
  }

  /** The next byte without moving, or -1 at the end of the source. */
  int peek() throws IOException {
    if (filled == at) {
      refill();
    }
    return filled == at ? -1 : buffer.get(at) & 0xff;
  }

  /** Goes on at another place. */
  void moveTo(long position) {
    if (position < base || position > base + filled) {
      base = position;
      at = 0;
      filled = 0;
    } else {
      at = (int) (position - base);
    }
  }

  private void refill() throws IOException {
    buffer.limit(filled).position(at);
    buffer.compact();
    base += at;
    filled -= at;
    at = 0;
    buffer.limit(BUFFER);
    filled += source.readSome(base + filled, buffer);
    progress.at(base + filled);
    buffer.position(0);
  }
}
