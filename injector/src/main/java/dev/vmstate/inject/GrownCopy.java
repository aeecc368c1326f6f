package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.exchange.FileCopy;
import dev.vmstate.exchange.OutputFile;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/**
 * A new file whose front is longer than the old one's, so that everything behind it stands further
 * back; the other edits are carried out there.
 */
final class GrownCopy {
  private GrownCopy() {}

  /** Writes the copy; {@code output} appears when it is complete. */
  static void write(
      Path source,
      Path output,
      SaveImageEdit front,
      FileEdits edits,
      EditSize size,
      Progress progress)
      throws IOException {
    try (OutputFile file = new OutputFile(output)) {
      file.permissionsOf(source);
      file.write(ByteBuffer.wrap(front.front()), 0);
      FileCopy.copyFrom(source, front.oldPayloadAt(), file, front.image().payloadAt(), progress);
      for (Patch offsets : moved(source, front)) {
        file.write(offsets.with(), front.image().payloadAt() + offsets.where().offset());
      }
      EditedCopy.carryOut(file.channel(), new Moved(edits, front.growth()), size, source);
      file.commit();
    }
  }

  /** The offsets a mapped-ram stream has in itself, which count from the start of the file. */
  private static List<Patch> moved(Path source, SaveImageEdit front) throws IOException {
    if (front.image().format().compressed()) {
      return List.of(); // it cannot be mapped-ram: that is written at random
    }
    try (StreamSnapshot snapshot = StreamSnapshot.open(source)) {
      return snapshot.ram().mapped().stream()
          .map(block -> block.offsets(front.image().payloadAt()))
          .toList();
    }
  }

  /** Edits of what stood in front of {@code by} bytes less. */
  private record Moved(FileEdits edits, long by) implements FileEdits {
    @Override
    public long appendAt() throws IOException {
      return edits.appendAt() + by;
    }

    @Override
    public void tell(StreamTarget file) throws IOException {
      edits.tell(
          new StreamTarget() {
            @Override
            public void patch(Patch patch) throws IOException {
              Span where = patch.where();
              file.patch(new Patch(new Span(where.offset() + by, where.length()), patch.with()));
            }

            @Override
            public void append(ByteBuffer bytes) throws IOException {
              file.append(bytes);
            }
          });
    }
  }
}
