package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Progress;
import dev.vmstate.exchange.FileCopy;
import dev.vmstate.exchange.OutputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * A new file: a copy of the old one in which the edits are carried out. Nobody sees it before it is
 * complete, so no journal is needed.
 */
final class EditedCopy {
  private EditedCopy() {}

  /** Writes the copy; {@code output} appears when it is complete. */
  static void write(Path source, Path output, FileEdits edits, EditSize size, Progress progress)
      throws IOException {
    try (OutputFile file = new OutputFile(output)) {
      file.permissionsOf(source);
      FileCopy.copy(source, file, progress);
      carryOut(file.channel(), edits, size, source);
      file.commit();
    }
  }

  /** Carries the edits out in a copy. */
  static void carryOut(FileChannel copy, FileEdits edits, EditSize size, Path source)
      throws IOException {
    long appendAt = edits.appendAt();
    long growth = size.appended();
    long end = copy.size();
    if (growth > 0) {
      InPlace.moveTail(copy, appendAt, end, growth, source);
    }
    edits.tell(new Applier(copy, end, appendAt, growth));
    if (edits.shrinks() > 0) {
      copy.truncate(end - edits.shrinks());
    }
  }

  private static final class Applier implements StreamTarget {
    private final FileChannel file;
    private final long size;
    private final long appendAt;
    private final long growth;
    private long appended;

    Applier(FileChannel file, long size, long appendAt, long growth) {
      this.file = file;
      this.size = size;
      this.appendAt = appendAt;
      this.growth = growth;
    }

    @Override
    public void patch(Patch patch) throws IOException {
      long at = patch.where().offset();
      InPlace.write(file, patch.with(), at < appendAt || at >= size ? at : at + growth);
    }

    @Override
    public void append(ByteBuffer bytes) throws IOException {
      int length = bytes.remaining();
      if (appended > growth - length) {
        throw new IOException("the edits changed while they were carried out");
      }
      InPlace.write(file, bytes, appendAt + appended);
      appended += length;
    }
  }
}
