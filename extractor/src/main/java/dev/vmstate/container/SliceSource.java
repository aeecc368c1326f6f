package dev.vmstate.container;

import dev.vmstate.bytes.ByteSource;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A part of another source; offset 0 is the part's first byte. */
public final class SliceSource implements ByteSource {
  private final ByteSource source;
  private final long start;
  private final long size;

  /** {@code size} bytes of {@code source} from {@code start} on. */
  public SliceSource(ByteSource source, long start, long size) {
    if (start < 0 || size < 0 || start > source.size() - size) {
      throw new IllegalArgumentException("0x%x+0x%x leaves %s".formatted(start, size, source));
    }
    this.source = source;
    this.start = start;
    this.size = size;
  }

  /** Its offsets count from the part's start, and its name says so. */
  @Override
  public String name() {
    return "%s (from 0x%x on)".formatted(source.name(), start);
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    if (offset < 0 || offset > size - into.remaining()) {
      throw new EOFException(
          "%s: 0x%x+0x%x is past the end 0x%x".formatted(name(), offset, into.remaining(), size));
    }
    source.read(start + offset, into);
  }
}
