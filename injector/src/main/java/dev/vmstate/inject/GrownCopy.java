package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.exchange.FileCopy;
import dev.vmstate.exchange.OutputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

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
      FileCopy.copyFrom(
          source, front.oldPayloadAt(), file, front.oldPayloadAt() + front.growth(), progress);
      EditedCopy.carryOut(file.channel(), new Moved(edits, front.growth()), size, source);
      file.commit();
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
