package dev.vmstate.container;

import dev.vmstate.bytes.ByteSource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** A source's bytes in order, from some offset on; closing it leaves the source open. */
final class SourceInputStream extends InputStream {
  private final ByteSource source;
  private long at;

  SourceInputStream(ByteSource source, long at) {
    this.source = source;
    this.at = at;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int from, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    int got = source.readSome(at, ByteBuffer.wrap(into, from, length));
    at += got;
    return got == 0 ? -1 : got;
  }
}
