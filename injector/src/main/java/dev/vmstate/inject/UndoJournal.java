package dev.vmstate.inject;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.container.FileSource;
import dev.vmstate.exchange.OutputFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * What a file's bytes were before they were changed in place: {@code FILE.vmstate-undo}.
 *
 * <pre>
 * Journal ::= Header, Mark, Entry*
 * Header  ::= "VMSTUNDO" u32 version(1) u32 untouchedCrc32c u64 originalSize u64 newSize
 *             u64 bodyLength u32 bodyCrc32c u32 headerCrc32c
 * Mark    ::= u32 state, u32 newCrc32c, u32 0, u32 markCrc32c
 * state   ::= 0 pending: the file may be half changed | 1 done
 * Entry   ::= u64 offset, u64 length, the original bytes
 * </pre>
 *
 * <p>Big-endian; the entries are the body. The journal is complete and on disk before the first
 * byte of the file changes, so a file whose journal is pending can always be taken back; once it
 * says done the file is changed as a whole. The mark is the one part that is ever written again: 16
 * bytes inside one sector. {@code newCrc32c} covers the changed bytes afterwards and what the file
 * grew by, {@code untouchedCrc32c} is of {@link UntouchedBytes}.
 */
final class UndoJournal {
  static final int MARK_AT = 48;
  static final int BODY_AT = 64;
  private static final long MAGIC = 0x564d5354554e444fL;
  private static final int VERSION = 1;

  /** Whether the change behind a journal is complete. */
  enum State {
    PENDING(0),
    DONE(1);

    private final int code;

    State(int code) {
      this.code = code;
    }
  }

  private final Path path;
  private final Opener opener;
  private final ByteBuffer header;
  private State state;
  private int newCrc;

  private UndoJournal(Path path, Opener opener, ByteBuffer header, State state, int newCrc) {
    this.path = path;
    this.opener = opener;
    this.header = header;
    this.state = state;
    this.newCrc = newCrc;
  }

  /** Where a file's journal is: beside the file itself, whatever link leads to it. */
  static Path beside(Path file) throws IOException {
    Path real = Files.exists(file) ? file.toRealPath() : file;
    return real.resolveSibling(real.getFileName() + ".vmstate-undo");
  }

  /** The journal of a file, if it has one; its body is not read yet. */
  static Optional<UndoJournal> of(Path file, Opener opener) throws IOException {
    Path path = beside(file);
    if (!Files.exists(path)) {
      return Optional.empty();
    }
    try (FileSource in = new FileSource(path)) {
      if (in.size() < BODY_AT) {
        throw damaged(path, 0, "it is %d bytes long, its header alone has 64".formatted(in.size()));
      }
      ByteBuffer header = ByteBuffer.allocate(BODY_AT);
      in.read(0, header);
      if (header.getLong(0) != MAGIC || header.getInt(8) != VERSION) {
        throw damaged(path, 0, "not an undo journal of version " + VERSION);
      }
      if (header.getInt(44) != crc(header, 0, 44)) {
        throw damaged(path, 44, "the header's checksum is wrong");
      }
      int code = header.getInt(MARK_AT);
      if (header.getInt(MARK_AT + 12) != crc(header, MARK_AT, 12)
          || code != State.PENDING.code && code != State.DONE.code) {
        throw damaged(path, MARK_AT, "the mark's checksum is wrong");
      }
      long originalSize = header.getLong(16);
      if (originalSize < 0 || header.getLong(24) < 0 || header.getLong(32) != in.size() - BODY_AT) {
        throw damaged(path, 16, "the sizes in it make no sense");
      }
      return Optional.of(
          new UndoJournal(
              path,
              opener,
              header,
              code == State.DONE.code ? State.DONE : State.PENDING,
              header.getInt(MARK_AT + 4)));
    }
  }

  private static int crc(ByteBuffer header, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(header.slice(from, length));
    return (int) crc.getValue();
  }

  private static FormatException damaged(Path path, long at, String what) {
    return new FormatException(
        path.toString(),
        at,
        what + " (a damaged undo journal: delete it if the file is as it should be)");
  }

  State state() {
    return state;
  }

  long originalSize() {
    return header.getLong(16);
  }

  long newSize() {
    return header.getLong(24);
  }

  /**
   * Reads the whole body: its checksum, that every entry lies inside the file it is for, and that
   * what was cut off is one of them.
   */
  void check() throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocate(InPlace.STEP);
    try (FileSource in = new FileSource(path)) {
      for (long at = BODY_AT; at < in.size(); at += buffer.capacity()) {
        buffer.clear().limit((int) Math.min(buffer.capacity(), in.size() - at));
        in.read(at, buffer);
        crc.update(buffer.flip());
      }
    }
    if ((int) crc.getValue() != header.getInt(40)) {
      throw damaged(path, BODY_AT, "the checksum of its entries is wrong");
    }
    boolean whole = newSize() >= originalSize();
    try (Entries entries = entries()) {
      while (entries.next()) { // which looks where the entry lies
        whole |=
            entries.offset() <= newSize() && entries.offset() + entries.length() == originalSize();
      }
    }
    if (!whole) {
      throw damaged(path, 16, "the sizes in it make no sense");
    }
  }

  /** Walks over the entries. */
  final class Entries implements Closeable {
    private final FileSource file = new FileSource(path);
    private final ByteSource in = new WindowedSource(file, InPlace.STEP);
    private final ByteBuffer head = ByteBuffer.allocate(16);
    private long next = BODY_AT;
    private long at;

    private Entries() throws IOException {}

    /** Goes on to the next entry; false when there is none. */
    boolean next() throws IOException {
      at = next;
      long left = file.size() - at;
      if (left == 0) {
        return false;
      }
      if (left >= 16) {
        head.clear();
        in.read(at, head);
      }
      if (left < 16
          || offset() < 0
          || length() < 0
          || length() > left - 16
          || offset() > originalSize() - length()) {
        throw damaged(path, at, "an entry that leaves the journal or the file");
      }
      next = at + 16 + length();
      return true;
    }

    long offset() {
      return head.getLong(0);
    }

    long length() {
      return head.getLong(8);
    }

    /** Fills {@code into} with original bytes, from the entry's byte {@code from} on. */
    void read(long from, ByteBuffer into) throws IOException {
      in.read(at + 16 + from, into);
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }

  Entries entries() throws IOException {
    return new Entries();
  }

  /**
   * CRC-32C over what stands in {@code file} where the entries point, and over its growth; what was
   * cut off is not there.
   */
  int changedCrc(FileChannel file) throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocate(InPlace.STEP);
    try (Entries entries = entries()) {
      while (entries.next()) {
        long there = Math.min(entries.length(), newSize() - entries.offset());
        update(crc, file, entries.offset(), there, buffer);
      }
    }
    update(crc, file, originalSize(), newSize() - originalSize(), buffer);
    return (int) crc.getValue();
  }

  private void update(CRC32C crc, FileChannel file, long from, long length, ByteBuffer buffer)
      throws IOException {
    for (long done = 0; done < length; done += buffer.capacity()) {
      buffer.clear().limit((int) Math.min(buffer.capacity(), length - done));
      InPlace.read(file, buffer, from + done, path);
      crc.update(buffer.flip());
    }
  }

  /** Whether the change can be taken back in {@code file}: nobody else has written there since. */
  boolean matches(FileChannel file) throws IOException {
    long size = file.size();
    if (state == State.DONE
        ? size != newSize() || changedCrc(file) != newCrc
        : size < Math.min(originalSize(), newSize())
            || size > Math.max(originalSize(), newSize())) {
      return false;
    }
    UntouchedBytes untouched = new UntouchedBytes(originalSize());
    try (Entries entries = entries()) {
      while (entries.next()) {
        untouched.touch(entries.offset(), entries.length());
      }
    }
    return untouched.crc(file, path) == header.getInt(12);
  }

  /** Marks the change complete, or incomplete before it is taken back; returns when on disk. */
  void mark(State now, int crc) throws IOException {
    ByteBuffer mark = mark(header, now, crc);
    try (FileChannel out = opener.open(path)) {
      InPlace.write(out, mark, MARK_AT);
      out.force(true);
    }
    state = now;
    newCrc = crc;
  }

  private static ByteBuffer mark(ByteBuffer header, State state, int newCrc) {
    header.putInt(MARK_AT, state.code).putInt(MARK_AT + 4, newCrc).putInt(MARK_AT + 8, 0);
    header.putInt(MARK_AT + 12, crc(header, MARK_AT, 12));
    return header.slice(MARK_AT, BODY_AT - MARK_AT);
  }

  void delete() throws IOException {
    Files.delete(path);
    OutputFile.syncDirectory(path);
  }

  /** Drops the journal of a file that was replaced as a whole: it speaks of another one's bytes. */
  static void forget(Path file) throws IOException {
    if (Files.deleteIfExists(beside(file))) {
      OutputFile.syncDirectory(file.toRealPath());
    }
  }

  /** Writes a journal; it appears beside the file when it is complete. */
  static final class Writer implements Closeable {
    /** Changes closer than this are saved as one: an entry has 16 bytes of its own. */
    private static final int GAP = 64;

    private final Path path;
    private final Opener opener;
    private final OutputFile out;
    private final FileChannel file;
    private final UntouchedBytes untouched;
    private final long size;
    private final CRC32C crc = new CRC32C();
    private final ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
    private long length;
    private long start;
    private long end;

    Writer(Path snapshot, FileChannel file, Opener opener) throws IOException {
      this.path = beside(snapshot);
      this.opener = opener;
      this.file = file;
      this.size = file.size();
      this.untouched = new UntouchedBytes(size);
      this.out = new OutputFile(path);
    }

    /** Saves the bytes that stand at {@code offset} now. */
    void save(long offset, long bytes) throws IOException {
      if (offset < end || offset > end + GAP || start == end) {
        entry();
        start = offset;
      }
      end = offset + bytes;
    }

    private void entry() throws IOException {
      if (start == end) {
        return;
      }
      if (buffer.remaining() < 16) {
        flush();
      }
      buffer.putLong(start).putLong(end - start);
      for (long at = start; at < end; ) {
        if (!buffer.hasRemaining()) {
          flush();
        }
        int part = (int) Math.min(buffer.remaining(), end - at);
        ByteBuffer into = buffer.slice(buffer.position(), part);
        InPlace.read(file, into, at, path);
        buffer.position(buffer.position() + part);
        at += part;
      }
      untouched.touch(start, end - start);
    }

    private void flush() throws IOException {
      buffer.flip();
      crc.update(buffer.duplicate());
      length += buffer.remaining();
      out.write(buffer, BODY_AT + length - buffer.remaining());
      buffer.clear();
    }

    UndoJournal commit(long newSize) throws IOException {
      entry();
      flush();
      ByteBuffer header = ByteBuffer.allocate(BODY_AT);
      header
          .putLong(MAGIC)
          .putInt(VERSION)
          .putInt(untouched.crc(file, path))
          .putLong(size)
          .putLong(newSize)
          .putLong(length)
          .putInt((int) crc.getValue());
      header.putInt(44, crc(header, 0, 44));
      mark(header, State.PENDING, 0);
      out.write(header.duplicate().clear(), 0);
      out.commit();
      return new UndoJournal(path, opener, header, State.PENDING, 0);
    }

    @Override
    public void close() throws IOException {
      out.close();
    }
  }
}
