package dev.vmstate.inject;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.exchange.OutputFile;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * What a file's bytes were before they were changed in place: {@code FILE.vmstate-undo}.
 *
 * <pre>
 * Journal ::= "VMSTUNDO" u32 version(1) u32 state u64 originalSize u64 newSize
 *             u64 bodyLength u32 bodyCrc32c u32 newCrc32c, Entry*
 * Entry   ::= u64 offset, u64 length, the original bytes
 * state   ::= 0 pending: the file may be half changed | 1 done
 * </pre>
 *
 * <p>Big-endian. The journal is complete and on disk before the first byte of the file changes, so
 * a file whose journal is pending can always be taken back; once it says done the file is changed
 * as a whole. {@code newCrc32c} covers the changed bytes afterwards: undo refuses when somebody
 * else has written there since.
 */
final class UndoJournal {
  static final int HEADER = 48;
  private static final long MAGIC = 0x564d5354554e444fL;
  private static final int VERSION = 1;
  private static final int STATE_AT = 12;
  private static final int STEP = 1 << 16;

  /** Whether the change behind a journal is complete. */
  enum State {
    PENDING,
    DONE
  }

  private final Path path;
  private final ByteBuffer header;
  private final long length;

  private UndoJournal(Path path, ByteBuffer header, long length) {
    this.path = path;
    this.header = header;
    this.length = length;
  }

  static Path beside(Path file) {
    return file.resolveSibling(file.getFileName() + ".vmstate-undo");
  }

  /** The journal of a file, or null. */
  static UndoJournal of(Path file) throws IOException {
    Path path = beside(file);
    if (!Files.exists(path)) {
      return null;
    }
    try (FileChannel in = FileChannel.open(path, StandardOpenOption.READ)) {
      ByteBuffer header = ByteBuffer.allocate(HEADER);
      read(in, header, 0, path);
      header.flip();
      if (header.getLong(0) != MAGIC || header.getInt(8) != VERSION) {
        throw new FormatException(path.toString(), 0, "not an undo journal of this version");
      }
      long body = header.getLong(32);
      if (header.getInt(STATE_AT) >>> 1 != 0
          || header.getLong(16) < 0
          || header.getLong(24) < 0
          || body < 0
          || body != in.size() - HEADER) {
        throw new FormatException(path.toString(), 8, "the journal's header makes no sense");
      }
      UndoJournal journal = new UndoJournal(path, header, body);
      journal.checkBody(in);
      return journal;
    }
  }

  private void checkBody(FileChannel in) throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocate(STEP);
    for (long at = 0; at < length; at += STEP) {
      buffer.clear().limit((int) Math.min(STEP, length - at));
      read(in, buffer, HEADER + at, path);
      crc.update(buffer.flip());
    }
    if ((int) crc.getValue() != header.getInt(40)) {
      throw new FormatException(path.toString(), HEADER, "the journal's checksum is wrong");
    }
  }

  State state() {
    return State.values()[header.getInt(STATE_AT)];
  }

  long originalSize() {
    return header.getLong(16);
  }

  long newSize() {
    return header.getLong(24);
  }

  /** One entry's place in file and journal. */
  interface EntryVisitor {
    void entry(long offset, long length, FileChannel journal, long bytesAt) throws IOException;
  }

  void visit(EntryVisitor visitor) throws IOException {
    try (FileChannel in = FileChannel.open(path, StandardOpenOption.READ)) {
      ByteBuffer entry = ByteBuffer.allocate(16);
      long at = HEADER;
      while (at < HEADER + length) {
        entry.clear();
        read(in, entry, at, path);
        long offset = entry.getLong(0);
        long bytes = entry.getLong(8);
        if (offset < 0 || bytes < 0 || bytes > HEADER + length - at - 16) {
          throw new FormatException(path.toString(), at, "an entry that leaves the journal");
        }
        visitor.entry(offset, bytes, in, at + 16);
        at += 16 + bytes;
      }
    }
  }

  /** CRC-32C over the bytes that stand in {@code file} where the entries point, in their order. */
  int changedCrc(FileChannel file) throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocate(STEP);
    visit(
        (offset, bytes, journal, bytesAt) -> {
          for (long done = 0; done < bytes; done += STEP) {
            buffer.clear().limit((int) Math.min(STEP, bytes - done));
            read(file, buffer, offset + done, path);
            crc.update(buffer.flip());
          }
        });
    return (int) crc.getValue();
  }

  /** Whether the file still holds what the change left there. */
  boolean matches(FileChannel file) throws IOException {
    return file.size() == newSize() && changedCrc(file) == header.getInt(44);
  }

  /** Marks the change complete. */
  void done(int newCrc) throws IOException {
    header.putInt(STATE_AT, State.DONE.ordinal()).putInt(44, newCrc);
    try (FileChannel out = FileChannel.open(path, StandardOpenOption.WRITE)) {
      // The checksum first, the state after it: a journal that says done has both.
      out.write(header.slice(44, 4), 44);
      out.force(true);
      out.write(header.slice(STATE_AT, 4), STATE_AT);
      out.force(true);
    }
  }

  void delete() throws IOException {
    Files.delete(path);
    OutputFile.syncDirectory(path);
  }

  static void read(FileChannel in, ByteBuffer into, long at, Path path) throws IOException {
    while (into.hasRemaining()) {
      int got = in.read(into, at);
      if (got < 0) {
        throw new EOFException("%s: ends at 0x%x".formatted(path, at));
      }
      at += got;
    }
  }

  /** Writes a journal; it appears beside the file when it is complete. */
  static final class Writer implements Closeable {
    private final Path path;
    private final OutputFile out;
    private final FileChannel file;
    private final CRC32C crc = new CRC32C();
    private final ByteBuffer buffer = ByteBuffer.allocate(STEP);
    private long length;

    Writer(Path snapshot, FileChannel file) throws IOException {
      this.path = beside(snapshot);
      this.out = new OutputFile(path);
      this.file = file;
    }

    /** Saves the bytes that stand at {@code offset} now. */
    void save(long offset, long bytes) throws IOException {
      buffer.clear().putLong(offset).putLong(bytes).flip();
      write();
      for (long done = 0; done < bytes; done += STEP) {
        buffer.clear().limit((int) Math.min(STEP, bytes - done));
        read(file, buffer, offset + done, path);
        buffer.flip();
        write();
      }
    }

    private void write() throws IOException {
      crc.update(buffer.duplicate());
      while (buffer.hasRemaining()) {
        length += out.channel().write(buffer, HEADER + length);
      }
    }

    UndoJournal commit(long originalSize, long newSize) throws IOException {
      ByteBuffer header = ByteBuffer.allocate(HEADER);
      header
          .putLong(MAGIC)
          .putInt(VERSION)
          .putInt(State.PENDING.ordinal())
          .putLong(originalSize)
          .putLong(newSize)
          .putLong(length)
          .putInt((int) crc.getValue())
          .putInt(0)
          .flip();
      out.channel().write(header.duplicate(), 0);
      out.commit();
      return new UndoJournal(path, header, length);
    }

    @Override
    public void close() throws IOException {
      out.close();
    }
  }
}
