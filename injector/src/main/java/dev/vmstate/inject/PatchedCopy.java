package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Progress;
import dev.vmstate.exchange.OutputFile;
import dev.vmstate.exchange.WriteBehind;
import dev.vmstate.snapshot.FileSource;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A copy of a file with bytes replaced and bytes inserted at one place. */
final class PatchedCopy implements StreamTarget {
  private final FileSource source;
  private final OutputFile out;
  private final Progress progress;
  private long insertAt = Long.MAX_VALUE;
  private long inserted;

  PatchedCopy(FileSource source, OutputFile out, Progress progress) {
    this.source = source;
    this.out = out;
    this.progress = progress;
    progress.start("writing", source.size());
  }

  /** Copies everything before {@code end}; insertions go there. */
  void front(long end) throws IOException {
    copy(0, end);
    insertAt = end;
  }

  /** Copies everything from {@code start} on, behind what was inserted. */
  void rest(long start) throws IOException {
    copy(start, source.size());
  }

  private void copy(long from, long to) throws IOException {
    long shift = from < insertAt ? 0 : inserted;
    try (WriteBehind behind = new WriteBehind(out::write)) {
      for (long at = from; at < to; at += WriteBehind.BYTES) {
        ByteBuffer step = behind.take();
        step.limit((int) Math.min(step.capacity(), to - at));
        source.read(at, step);
        behind.write(step.flip(), at + shift);
        progress.at(at);
      }
      behind.drain();
    }
    progress.at(to);
  }

  @Override
  public void patch(Patch patch) throws IOException {
    long at = patch.where().offset();
    out.write(patch.with(), at < insertAt ? at : at + inserted);
  }

  @Override
  public void append(ByteBuffer bytes) throws IOException {
    int length = bytes.remaining();
    out.write(bytes, insertAt + inserted);
    inserted += length;
  }
}
