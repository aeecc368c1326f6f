package dev.vmstate.inject;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Splices of a stream as changes of what stands where: bytes that are past the old end are
 * appended, all others are patches, told in an order in which nothing is overwritten that is still
 * to be read, since in place the stream read from is the one written to.
 */
final class SplicedEdits implements StreamEdits {
  private static final int STEP = 1 << 20;

  private final ByteSource stream;
  private final Splices splices;

  SplicedEdits(ByteSource stream, Splices splices) {
    this.stream = stream;
    this.splices = splices;
  }

  /** Nothing is put in between: what moves is told byte by byte. */
  @Override
  public long appendAt() {
    return stream.size();
  }

  @Override
  public long shrinks() {
    return Math.max(0, -splices.growth());
  }

  @Override
  public void tell(StreamTarget target) throws IOException {
    append(target);
    List<Splices.Kept> up = new ArrayList<>();
    for (Splices.Kept kept : splices.kept(stream.size())) {
      if (kept.shift() > 0) {
        up.add(kept);
      } else {
        // What moves down never reaches what moves up in front of it, nor the other way round.
        up(up, target);
        down(kept, target);
      }
    }
    up(up, target);
    long shift = 0;
    for (Splice splice : splices.list()) {
      patch(target, splice.where().offset() + shift, splice.with());
      shift += splice.growth();
    }
  }

  private void append(StreamTarget target) throws IOException {
    SplicedSource after = new SplicedSource(stream, splices);
    ByteBuffer step = ByteBuffer.allocate(STEP);
    for (long at = stream.size(); at < after.size(); at += step.limit()) {
      step.clear().limit((int) Math.min(STEP, after.size() - at));
      after.read(at, step);
      target.append(step.flip());
    }
  }

  /** The last first, each from its end down. */
  private void up(List<Splices.Kept> up, StreamTarget target) throws IOException {
    for (int i = up.size() - 1; i >= 0; i--) {
      Span where = up.get(i).where();
      for (long end = where.end(); end > where.offset(); ) {
        int part = (int) Math.min(STEP, end - where.offset());
        end -= part;
        move(target, end, part, up.get(i).shift());
      }
    }
    up.clear();
  }

  private void down(Splices.Kept kept, StreamTarget target) throws IOException {
    Span where = kept.where();
    if (kept.shift() == 0) {
      return;
    }
    for (long at = where.offset(); at < where.end(); ) {
      int part = (int) Math.min(STEP, where.end() - at);
      move(target, at, part, kept.shift());
      at += part;
    }
  }

  private void move(StreamTarget target, long from, int length, long shift) throws IOException {
    patch(target, from + shift, stream.read(new Span(from, length)));
  }

  /** What lies behind the old end was appended already. */
  private void patch(StreamTarget target, long at, ByteBuffer bytes) throws IOException {
    int length = (int) Math.min(bytes.remaining(), stream.size() - at);
    if (length > 0) {
      target.patch(new Patch(new Span(at, length), bytes.slice(bytes.position(), length)));
    }
  }
}
