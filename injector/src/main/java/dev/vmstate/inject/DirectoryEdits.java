package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import dev.vmstate.kvmdir.KvmContainer;
import dev.vmstate.kvmdir.KvmDirectory;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Edits of a snapshot directory. What they change counts in one space, the bytes that the digits of
 * {@code state.json} stand for and then {@code memory-ranges}; what they come to, in the files of
 * the directory joined: digits are replaced by as many, bytes where they stand. Nothing moves.
 */
final class DirectoryEdits implements FileEdits {
  private final StreamEdits edits;
  private final KvmContainer container;

  DirectoryEdits(StreamEdits edits, KvmContainer container) {
    this.edits = edits;
    this.container = container;
  }

  @Override
  public long appendAt() {
    return container.fileSize();
  }

  @Override
  public void tell(StreamTarget files) throws IOException {
    KvmDirectory directory = container.directory();
    edits.tell(
        new StreamTarget() {
          @Override
          public void patch(Patch patch) throws IOException {
            if (patch.where().offset() >= container.memoryAt()) {
              files.patch(moved(patch, directory.memoryAt() - container.memoryAt()));
              return;
            }
            for (Patch digits : directory.document().inText(patch)) {
              files.patch(moved(digits, directory.stateAt()));
            }
          }

          @Override
          public void append(ByteBuffer bytes) {
            throw new IllegalStateException("a page without a place in a directory");
          }
        });
  }

  private static Patch moved(Patch patch, long by) {
    return new Patch(new Span(patch.where().offset() + by, patch.where().length()), patch.with());
  }
}
