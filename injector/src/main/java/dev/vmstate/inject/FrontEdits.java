package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import java.io.IOException;
import java.util.List;

/** Patches of what stands before a stream, and then the edits of the stream. */
final class FrontEdits implements FileEdits {
  private final List<Patch> front;
  private final FileEdits stream;

  FrontEdits(List<Patch> front, FileEdits stream) {
    this.front = front;
    this.stream = stream;
  }

  @Override
  public long appendAt() throws IOException {
    return stream.appendAt();
  }

  @Override
  public long shrinks() throws IOException {
    return stream.shrinks();
  }

  @Override
  public void tell(StreamTarget file) throws IOException {
    for (Patch patch : front) {
      file.patch(patch);
    }
    stream.tell(file);
  }
}
