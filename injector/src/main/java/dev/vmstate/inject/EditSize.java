package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * How much edits write.
 *
 * @param patched bytes replaced where they stand
 * @param appended bytes the file grows by
 * @param moved bytes that stand behind the growth
 */
record EditSize(long patched, long appended, long moved) {
  /** Counts what {@code edits} say of a file of {@code fileSize} bytes. */
  static EditSize of(FileEdits edits, long fileSize) throws IOException {
    Counter counter = new Counter(fileSize);
    edits.tell(counter);
    long moved = counter.appended == 0 ? 0 : fileSize - edits.appendAt();
    return new EditSize(counter.patched, counter.appended, moved);
  }

  long written() {
    return patched + appended + moved;
  }

  private static final class Counter implements StreamTarget {
    private final long fileSize;
    private long patched;
    private long appended;

    Counter(long fileSize) {
      this.fileSize = fileSize;
    }

    @Override
    public void patch(Patch patch) {
      if (patch.where().offset() < fileSize) { // otherwise it was counted when it was appended
        patched += patch.where().length();
      }
    }

    @Override
    public void append(ByteBuffer bytes) {
      appended += bytes.remaining();
    }
  }
}
