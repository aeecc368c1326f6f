package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Changes a file where it stands. First everything that will be overwritten goes into the undo
 * journal, on disk; then the file changes; then the journal says done. Killed at any point, the
 * file is untouched, or {@link #undo} takes it back, or it is done.
 */
public final class InPlace implements Closeable {
  private final Path path;
  private final FileChannel file;

  InPlace(Path path) throws IOException {
    this.path = path;
    requireSettled(path);
    this.file = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
    lock();
  }

  private void lock() throws IOException {
    try {
      if (file.tryLock() == null) {
        throw new IOException(path + ": is in use by another program");
      }
    } catch (OverlappingFileLockException e) {
      throw new IOException(path + ": is being changed already", e);
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  /** Says everything that changes; called twice, and must say the same. */
  interface Plan {
    void tell(StreamTarget target) throws IOException;
  }

  /**
   * Carries out a plan.
   *
   * @param appendAt where the plan's {@code append}s go; what stands behind moves up
   */
  void carryOut(long appendAt, Plan plan) throws IOException {
    long size = file.size();
    long growth;
    UndoJournal journal;
    try (UndoJournal.Writer writer = new UndoJournal.Writer(path, file)) {
      Saver saver = new Saver(writer);
      plan.tell(saver);
      growth = saver.growth;
      if (growth > 0) {
        writer.save(appendAt, size - appendAt);
      }
      journal = writer.commit(size, size + growth);
    }
    if (growth > 0) {
      moveTail(appendAt, size, growth);
    }
    plan.tell(new Applier(appendAt, growth));
    file.force(true);
    journal.done(journal.changedCrc(file));
  }

  /** First pass: the original bytes into the journal. */
  private static final class Saver implements StreamTarget {
    private final UndoJournal.Writer writer;
    private long growth;

    Saver(UndoJournal.Writer writer) {
      this.writer = writer;
    }

    @Override
    public void patch(Patch patch) throws IOException {
      writer.save(patch.where().offset(), patch.where().length());
    }

    @Override
    public void append(ByteBuffer bytes) {
      growth += bytes.remaining();
    }
  }

  /** Second pass: the new bytes into the file, whose tail has moved. */
  private final class Applier implements StreamTarget {
    private final long appendAt;
    private final long growth;
    private long appended;

    Applier(long appendAt, long growth) {
      this.appendAt = appendAt;
      this.growth = growth;
    }

    @Override
    public void patch(Patch patch) throws IOException {
      long at = patch.where().offset();
      write(patch.with(), at < appendAt ? at : at + growth);
    }

    @Override
    public void append(ByteBuffer bytes) throws IOException {
      int length = bytes.remaining();
      write(bytes, appendAt + appended);
      appended += length;
    }
  }

  /** Moves {@code [from, to)} up by {@code by}, from the end down so that nothing is run over. */
  private void moveTail(long from, long to, long by) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
    long end = to;
    while (end > from) {
      int part = (int) Math.min(buffer.capacity(), end - from);
      buffer.clear().limit(part);
      UndoJournal.read(file, buffer, end - part, path);
      write(buffer.flip(), end - part + by);
      end -= part;
    }
  }

  private void write(ByteBuffer bytes, long at) throws IOException {
    while (bytes.hasRemaining()) {
      at += file.write(bytes, at);
    }
  }

  /**
   * Refuses a file whose last change in place was interrupted.
   *
   * @throws IOException when it was; the message says what to do
   */
  public static void requireSettled(Path path) throws IOException {
    if (!Files.exists(UndoJournal.beside(path))) {
      return;
    }
    UndoJournal journal = UndoJournal.of(path);
    if (journal != null && journal.state() == UndoJournal.State.PENDING) {
      throw new IOException(
          "%s: a change in place was interrupted: 'vmstate undo %s' takes it back"
              .formatted(path, path));
    }
  }

  /**
   * Takes back the last change in place, finished or interrupted.
   *
   * @return how many bytes were put back
   */
  public static long undo(Path path) throws IOException {
    UndoJournal journal = UndoJournal.of(path);
    if (journal == null) {
      throw new IOException(
          "%s: nothing to undo: there is no %s".formatted(path, UndoJournal.beside(path)));
    }
    try (FileChannel file =
        FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      if (journal.state() == UndoJournal.State.DONE && !journal.matches(file)) {
        throw new IOException(
            "%s: was changed by something else after the change in place; undoing would mix the two"
                .formatted(path));
      }
      long[] total = {0};
      ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
      journal.visit(
          (offset, bytes, from, bytesAt) -> {
            for (long done = 0; done < bytes; done += buffer.capacity()) {
              buffer.clear().limit((int) Math.min(buffer.capacity(), bytes - done));
              UndoJournal.read(from, buffer, bytesAt + done, path);
              buffer.flip();
              long at = offset + done;
              while (buffer.hasRemaining()) {
                at += file.write(buffer, at);
              }
            }
            total[0] += bytes;
          });
      file.truncate(journal.originalSize());
      file.force(true);
      journal.delete();
      return total[0];
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
