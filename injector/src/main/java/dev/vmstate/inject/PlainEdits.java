package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Edits of a stream that stands in its file as it is, from some offset on. */
final class PlainEdits implements FileEdits {
  private final StreamEdits stream;
  private final long streamAt;

  PlainEdits(StreamEdits stream, long streamAt) {
    this.stream = stream;
    this.streamAt = streamAt;
  }

  @Override
  public long appendAt() throws IOException {
    return streamAt + stream.appendAt();
  }

  @Override
  public long shrinks() throws IOException {
    return stream.shrinks();
  }

  @Override
  public void tell(StreamTarget file) throws IOException {
    stream.tell(
        new StreamTarget() {
          @Override
          public void patch(Patch patch) throws IOException {
            Span where = patch.where();
            file.patch(
                new Patch(new Span(streamAt + where.offset(), where.length()), patch.with()));
          }

          @Override
          public void append(ByteBuffer bytes) throws IOException {
            file.append(bytes);
          }
        });
  }
}
