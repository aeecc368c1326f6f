package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Progress;
import dev.vmstate.compress.ForwardSource;
import dev.vmstate.container.Container;
import dev.vmstate.container.Payload;
import dev.vmstate.exchange.OutputFile;
import dev.vmstate.exchange.SparseStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A new file for a stream that is compressed, or came through a pipe: everything is written anew,
 * the stream compressed as it was. Fields are changed while the stream passes. Changed pages come
 * in the order of memory and not of the stream, and make it longer: they are changed in the file
 * the stream was decompressed into.
 */
final class PackedCopy {
  private static final int STEP = 1 << 17;

  private final Payload payload;
  private final ForwardSource stream;

  private PackedCopy(Payload payload, ForwardSource stream) {
    this.payload = payload;
    this.stream = stream;
  }

  /** Whether a container's stream can be changed only so. */
  static boolean needed(Container container) {
    return container.payload().flatMap(Payload::forward).isPresent();
  }

  /** Why such a file is not changed in place. */
  static IOException notInPlace(Container container) {
    String what =
        container
            .payload()
            .flatMap(Payload::compression)
            .map(compression -> "the stream is compressed (%s)".formatted(compression))
            .orElse("it comes through a pipe");
    return new IOException(
        "%s: %s, no part of it can be changed where it stands: write a new file with -o"
            .formatted(container.source(), what));
  }

  /**
   * Writes the copy; {@code output} appears when it is complete. The stream may be changed by it,
   * where it was spilled, and is not to be read any more.
   *
   * @param front what stands before the stream in the new file
   * @return bytes written
   */
  static long write(
      Container container,
      byte[] front,
      StreamEdits edits,
      EditSize size,
      Path output,
      Progress progress)
      throws IOException {
    Payload payload = container.payload().orElseThrow();
    PackedCopy copy = new PackedCopy(payload, payload.forward().orElseThrow());
    try (OutputFile file = new OutputFile(output)) {
      if (!container.source().isStandardInput()) {
        file.permissionsOf(container.source().file());
      }
      try (OutputStream out = new BufferedOutputStream(new SparseStream(file), STEP)) {
        out.write(front);
        copy.stream(edits, size, container.fileSize(), out, progress);
      }
      long written = file.channel().size();
      file.commit();
      return written;
    }
  }

  private void stream(
      StreamEdits edits, EditSize size, long fileSize, OutputStream out, Progress progress)
      throws IOException {
    List<Patch> patches = new ArrayList<>();
    if (stream.forward()) {
      edits.tell(new Collected(patches));
      progress.start("writing", fileSize);
    } else {
      EditedCopy.carryOut(
          stream.spilled(), new PlainEdits(edits, 0), size, Path.of(payload.file().name()));
      progress.start("writing", stream.spilled().size());
    }
    try (OutputStream packing =
        payload.compression().isPresent() ? payload.compression().get().compress(out) : out) {
      byte[] step = new byte[STEP];
      for (long at = 0; ; ) {
        int got = stream.readSome(at, ByteBuffer.wrap(step));
        if (got == 0) {
          break;
        }
        for (Patch patch : patches) {
          apply(patch, step, at, got);
        }
        packing.write(step, 0, got);
        at += got;
        progress.at(stream.forward() ? stream.consumed() : at);
      }
    }
  }

  /** Puts what a patch has for the bytes from {@code at} on over them. */
  private static void apply(Patch patch, byte[] step, long at, int length) {
    long from = Math.max(at, patch.where().offset());
    long to = Math.min(at + length, patch.where().end());
    if (from < to) {
      patch
          .with()
          .get((int) (from - patch.where().offset()), step, (int) (from - at), (int) (to - from));
    }
  }

  private record Collected(List<Patch> patches) implements StreamTarget {
    @Override
    public void patch(Patch patch) {
      patches.add(patch);
    }

    @Override
    public void append(ByteBuffer bytes) {
      throw new IllegalStateException("pages are added to a stream that was not spilled");
    }
  }
}
