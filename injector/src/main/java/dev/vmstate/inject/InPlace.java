package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.exchange.OutputFile;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Changes a file where it stands. First everything that will be overwritten goes into the undo
 * journal, on disk; then the file changes; then the journal says done. Killed at any point, the
 * file is untouched, or {@link #undo} takes it back, or it is done. Taking back marks the journal
 * pending first, so it can be killed and repeated as well. When the change fails (a full disk), it
 * is taken back at once.
 *
 * <p>The file is locked meanwhile, so that nobody takes back what is just being done.
 */
public final class InPlace implements Closeable {
  static final int STEP = 1 << 16;

  private final Path path;
  private final Opener opener;
  private final FileChannel file;

  InPlace(Path path, Opener opener) throws IOException {
    this.path = path;
    this.opener = opener;
    this.file = opener.open(path);
    try {
      if (file.tryLock() == null) {
        throw new IOException(path + ": is in use by another program");
      }
      OutputFile.deleteLeftOvers(UndoJournal.beside(path));
    } catch (OverlappingFileLockException e) {
      file.close();
      throw new IOException(path + ": is being changed already", e);
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  /** Says everything that changes; called twice, and must say the same. */
  interface Plan {
    /** By how many bytes the file gets shorter. */
    default long shrinks() throws IOException {
      return 0;
    }

    void tell(StreamTarget target) throws IOException;
  }

  /**
   * Carries out a plan.
   *
   * @param plannedSize the file's size when the plan was made
   * @param appendAt where the plan's {@code append}s go; what stands behind moves up
   */
  void carryOut(long plannedSize, long appendAt, Plan plan) throws IOException {
    requireSettled(path);
    long size = file.size();
    if (size != plannedSize) {
      throw new IOException(
          "%s: was 0x%x bytes long when it was read, now it is 0x%x: something else changes it"
              .formatted(path, plannedSize, size));
    }
    long growth;
    UndoJournal journal;
    try (UndoJournal.Writer writer = new UndoJournal.Writer(path, file, opener)) {
      Saver saver = new Saver(writer, size);
      plan.tell(saver);
      growth = saver.growth;
      if (growth > 0) {
        writer.save(appendAt, size - appendAt);
      }
      if (plan.shrinks() > 0) {
        writer.save(size - plan.shrinks(), plan.shrinks());
      }
      journal = writer.commit(Math.addExact(size, growth) - plan.shrinks());
    }
    try {
      if (growth > 0) {
        moveTail(file, appendAt, size, growth, path);
      }
      try (Applier applier = new Applier(size, appendAt, growth, journal)) {
        plan.tell(applier);
        applier.finish();
      }
      if (plan.shrinks() > 0) {
        file.truncate(size - plan.shrinks());
      }
      file.force(true);
      journal.mark(UndoJournal.State.DONE, journal.changedCrc(file));
    } catch (IOException | RuntimeException e) {
      throw failed(e, journal);
    }
  }

  private IOException failed(Exception why, UndoJournal journal) {
    try {
      journal.mark(UndoJournal.State.PENDING, 0);
      takeBack(journal);
    } catch (IOException | RuntimeException e) {
      why.addSuppressed(e);
      return new IOException(
          "%s: is half changed (%s): 'vmstate undo %s' takes it back"
              .formatted(path, why.getMessage(), path),
          why);
    }
    return new IOException(
        "%s: the change failed and was taken back: %s".formatted(path, why.getMessage()), why);
  }

  /** First pass: the original bytes into the journal. */
  private static final class Saver implements StreamTarget {
    private final UndoJournal.Writer writer;
    private final long size;
    private long growth;

    Saver(UndoJournal.Writer writer, long size) {
      this.writer = writer;
      this.size = size;
    }

    @Override
    public void patch(Patch patch) throws IOException {
      if (patch.where().offset() >= size) {
        return; // appended bytes; undoing cuts them off
      }
      writer.save(patch.where().offset(), patch.where().length());
    }

    @Override
    public void append(ByteBuffer bytes) {
      growth += bytes.remaining();
    }
  }

  /**
   * Second pass: the new bytes into the file, whose tail has moved. Writes nowhere the journal has
   * not saved: the edited core may change between the two passes, in a debugger that still has it.
   */
  private final class Applier implements StreamTarget, Closeable {
    private final long size;
    private final long appendAt;
    private final long growth;
    private final UndoJournal.Entries saved;
    private boolean more = true;
    private long appended;

    Applier(long size, long appendAt, long growth, UndoJournal journal) throws IOException {
      this.size = size;
      this.appendAt = appendAt;
      this.growth = growth;
      this.saved = journal.entries();
      this.more = saved.next();
    }

    @Override
    public void patch(Patch patch) throws IOException {
      long at = patch.where().offset();
      if (at >= size) {
        if (patch.where().end() > size + appended) {
          throw changedMeanwhile();
        }
        write(file, patch.with(), at);
        return;
      }
      while (more
          && (at < saved.offset() || patch.where().end() > saved.offset() + saved.length())) {
        more = saved.next();
      }
      if (!more) {
        throw changedMeanwhile();
      }
      write(file, patch.with(), at < appendAt ? at : at + growth);
    }

    @Override
    public void append(ByteBuffer bytes) throws IOException {
      int length = bytes.remaining();
      if (length > growth - appended) {
        throw changedMeanwhile();
      }
      write(file, bytes, appendAt + appended);
      appended += length;
    }

    void finish() throws IOException {
      if (appended != growth) {
        throw changedMeanwhile();
      }
    }

    private IOException changedMeanwhile() {
      return new IOException("the edits changed while they were carried out");
    }

    @Override
    public void close() throws IOException {
      saved.close();
    }
  }

  /** Moves {@code [from, to)} up by {@code by}, from the end down so that nothing is run over. */
  static void moveTail(FileChannel file, long from, long to, long by, Path name)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
    long end = to;
    while (end > from) {
      int part = (int) Math.min(buffer.capacity(), end - from);
      read(file, buffer.clear().limit(part), end - part, name);
      write(file, buffer.flip(), end - part + by);
      end -= part;
    }
  }

  static void write(FileChannel out, ByteBuffer bytes, long at) throws IOException {
    while (bytes.hasRemaining()) {
      at += out.write(bytes, at);
    }
  }

  static void read(FileChannel in, ByteBuffer into, long at, Path name) throws IOException {
    while (into.hasRemaining()) {
      int got = in.read(into, at);
      if (got < 0) {
        throw new EOFException("%s: ends at 0x%x".formatted(name, at));
      }
      at += got;
    }
  }

  /**
   * Refuses a file whose last change in place was interrupted.
   *
   * @throws IOException when it was; the message says what to do
   */
  public static void requireSettled(Path path) throws IOException {
    Optional<UndoJournal> journal = UndoJournal.of(path, Opener.PLAIN);
    if (journal.isPresent() && journal.get().state() == UndoJournal.State.PENDING) {
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
    return undo(path, Opener.PLAIN);
  }

  static long undo(Path path, Opener opener) throws IOException {
    if (UndoJournal.of(path, opener).isEmpty()) {
      if (Files.isWritable(path)) {
        new InPlace(path, opener).close(); // what was left of a journal that never was complete
      }
      throw new IOException(
          "%s: nothing to undo: there is no %s".formatted(path, UndoJournal.beside(path)));
    }
    try (InPlace edit = new InPlace(path, opener)) {
      UndoJournal journal =
          UndoJournal.of(path, opener)
              .orElseThrow(() -> new IOException(path + ": something else has just undone it"));
      journal.check();
      if (!journal.matches(edit.file)) {
        throw new IOException(
            "%s: was changed by something else after the change in place; undoing would mix the two"
                    .formatted(path)
                + " (delete %s to keep it as it is)".formatted(UndoJournal.beside(path)));
      }
      // From here on the file is neither one nor the other until all is back.
      journal.mark(UndoJournal.State.PENDING, 0);
      return edit.takeBack(journal);
    }
  }

  /** Puts the original bytes back; may be repeated as often as it is interrupted. */
  private long takeBack(UndoJournal journal) throws IOException {
    long total = 0;
    ByteBuffer buffer = ByteBuffer.allocate(STEP);
    try (UndoJournal.Entries entries = journal.entries()) {
      while (entries.next()) {
        for (long done = 0; done < entries.length(); done += STEP) {
          buffer.clear().limit((int) Math.min(STEP, entries.length() - done));
          entries.read(done, buffer);
          write(file, buffer.flip(), entries.offset() + done);
        }
        total += entries.length();
      }
    }
    file.truncate(journal.originalSize());
    file.force(true);
    journal.delete();
    return total;
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
