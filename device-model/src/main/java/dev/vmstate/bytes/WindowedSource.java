package dev.vmstate.bytes;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Keeps one window of another source in memory, so that a decoder which takes a few bytes at a time
 * costs one read per window. Reads larger than the window go straight through. Not thread-safe.
 */
public final class WindowedSource implements ByteSource {
  private final ByteSource source;
  private final byte[] window;
  private long start;
  private int length;

  /** A window of {@code windowBytes} over {@code source}. */
  public WindowedSource(ByteSource source, int windowBytes) {
    this.source = source;
    this.window = new byte[windowBytes];
  }

  @Override
  public String name() {
    return source.name();
  }

  @Override
  public long size() {
    return source.size();
  }

  @Override
  public boolean forward() {
    return source.forward();
  }

  @Override
  public boolean reachEnd(long from) throws IOException {
    return source.reachEnd(from);
  }

  @Override
  public void jump(long offset) throws IOException {
    source.jump(offset);
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    int wanted = into.remaining();
    if (readSome(offset, into) < wanted) {
      throw new EOFException(
          "%s: 0x%x+0x%x is past the end 0x%x".formatted(name(), offset, wanted, size()));
    }
  }

  @Override
  public int readSome(long offset, ByteBuffer into) throws IOException {
    int wanted = into.remaining();
    if (offset < 0) {
      return 0;
    }
    if (wanted > window.length) {
      return source.readSome(offset, into);
    }
    if (offset < start || offset + wanted > start + length) {
      length = 0;
      length = source.readSome(offset, ByteBuffer.wrap(window));
      start = offset;
    }
    int part = Math.min(wanted, length);
    into.put(window, (int) (offset - start), part);
    return part;
  }
}
