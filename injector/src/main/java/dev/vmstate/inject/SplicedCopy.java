package dev.vmstate.inject;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Progress;
import dev.vmstate.compress.Compression;
import dev.vmstate.container.Container;
import dev.vmstate.container.Payload;
import dev.vmstate.exchange.OutputFile;
import dev.vmstate.exchange.SparseStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A new file whose stream has other lengths than the old one's: written from front to back, once,
 * compressed as the old one was. What was zero stays a hole.
 */
final class SplicedCopy {
  private static final int STEP = 1 << 18;

  private SplicedCopy() {}

  /**
   * Writes the copy; {@code output} appears when it is complete.
   *
   * @param front what stands before the stream, when it changes
   * @param stream the stream as it is to be
   * @return bytes written
   */
  static long write(
      Container container,
      Optional<byte[]> front,
      ByteSource stream,
      Path output,
      Progress progress)
      throws IOException {
    Payload payload = container.payload().orElseThrow();
    Optional<Compression> compression = payload.compression();
    try (OutputFile file = new OutputFile(output)) {
      if (!container.source().isStandardInput()) {
        file.permissionsOf(container.source().file());
      }
      try (OutputStream out = new BufferedOutputStream(new SparseStream(file), STEP)) {
        if (front.isPresent()) {
          out.write(front.get());
        } else if (!payload.file().forward()) {
          copy(payload.file(), payload.at(), out, Progress.NONE);
        }
        progress.start("writing", stream.size());
        if (compression.isPresent()) {
          try (OutputStream packing = compression.get().compress(out)) {
            copy(stream, stream.size(), packing, progress);
          }
        } else {
          copy(stream, stream.size(), out, progress);
        }
      }
      long written = file.channel().size();
      file.commit();
      return written;
    }
  }

  private static void copy(ByteSource from, long size, OutputStream out, Progress progress)
      throws IOException {
    byte[] step = new byte[STEP];
    for (long at = 0; at < size; ) {
      int part = (int) Math.min(STEP, size - at);
      from.read(at, ByteBuffer.wrap(step, 0, part));
      out.write(step, 0, part);
      at += part;
      progress.at(at);
    }
  }
}
