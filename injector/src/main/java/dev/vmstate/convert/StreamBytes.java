package dev.vmstate.convert;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;

/** Copies spans of a source to an output, as they are. */
final class StreamBytes {
  private static final int STEP = 1 << 20;

  private StreamBytes() {}

  static void copy(ByteSource source, Span span, OutputStream out, Progress progress)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(STEP, span.length()));
    for (long at = span.offset(); at < span.end(); at += buffer.limit()) {
      buffer.clear().limit((int) Math.min(buffer.capacity(), span.end() - at));
      source.read(at, buffer);
      out.write(buffer.array(), 0, buffer.limit());
      progress.at(at + buffer.limit());
    }
  }
}
