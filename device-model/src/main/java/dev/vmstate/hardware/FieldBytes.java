package dev.vmstate.hardware;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A field's bytes in the snapshot, read a window at a time: a section may be many megabytes and is
 * never held whole.
 */
final class FieldBytes {
  /** A multiple of every scalar's width, so that no element straddles two windows. */
  private static final int WINDOW = 1 << 13;

  private final ByteSource source;
  private final Span span;
  private final byte[] window;
  private long start;
  private int filled;

  FieldBytes(ByteSource source, Span span) {
    this.source = source;
    this.span = span;
    this.window = new byte[(int) Math.min(WINDOW, span.length())];
  }

  long size() {
    return span.length();
  }

  /** Element {@code i} of an array of {@code type} that starts with the field. */
  long number(ScalarType type, long i) throws IOException {
    return type.decode(window, load(i * type.width()));
  }

  /** Byte {@code i}, 0 to 255. */
  int u8(long i) throws IOException {
    return window[load(i)] & 0xff;
  }

  /** Whether every byte is the same. */
  boolean uniform() throws IOException {
    for (long i = 1; i < size(); i++) {
      if (u8(i) != u8(0)) {
        return false;
      }
    }
    return size() > 0;
  }

  /** Where in the window byte {@code at} of the field stands. */
  private int load(long at) throws IOException {
    if (at < start || at >= start + filled) {
      filled = 0;
      start = at - at % WINDOW;
      int length = (int) Math.min(window.length, size() - start);
      source.read(span.offset() + start, ByteBuffer.wrap(window, 0, length));
      filled = length;
    }
    return (int) (at - start);
  }
}
