package dev.vmstate.bytes;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Random access to an image of any size. The one way to bytes: a file, a slice, an array, a
 * decompressed stream or the VM state inside a disk image. Reads are absolute and never change the
 * source.
 */
public interface ByteSource {
  /** The longest span that is read into one array. */
  int MOST_AT_ONCE = 1 << 30;

  /**
   * What {@link #size} is while nobody knows: more than any source has, and far enough from the
   * largest number that an offset can be added.
   */
  long UNKNOWN_SIZE = 1L << 62;

  /** What error messages call this source, usually the file's name. */
  String name();

  /**
   * Number of bytes, or {@link #UNKNOWN_SIZE} of a source that comes from front to back (a pipe, a
   * decompressor) as long as its end has not been read.
   */
  long size();

  /**
   * Whether this is read from front to back: what lies far behind the last read costs a second
   * reading from the front, or cannot be had again.
   */
  default boolean forward() {
    return false;
  }

  /** Whether all from {@code from} to the end can be read in any order; the end is known then. */
  default boolean reachEnd(long from) throws IOException {
    return true;
  }

  /**
   * Says that bytes from {@code offset} on are wanted, and then others anywhere: a source that is
   * read from front to back can make itself one that is not.
   *
   * @throws IOException when it cannot, and the bytes have passed
   */
  default void jump(long offset) throws IOException {}

  /**
   * Fills {@code into} completely with the bytes from {@code offset} on.
   *
   * @throws EOFException when the source ends before {@code into} is full
   */
  void read(long offset, ByteBuffer into) throws IOException;

  /**
   * Puts as many bytes from {@code offset} on into {@code into} as there are.
   *
   * @return how many: fewer than {@code into} had room for only where the source ends
   */
  default int readSome(long offset, ByteBuffer into) throws IOException {
    int part = (int) Math.max(0, Math.min(into.remaining(), size() - offset));
    if (part > 0) {
      int limit = into.limit();
      into.limit(into.position() + part);
      read(offset, into);
      into.limit(limit);
    }
    return part;
  }

  /**
   * A fresh big-endian buffer, ready to be read, with exactly the bytes of {@code where}.
   *
   * @throws FormatException when they are more than one array holds
   */
  default ByteBuffer read(Span where) throws IOException {
    if (where.end() > size()) {
      throw new EOFException("%s: %s is past the end 0x%x".formatted(name(), where, size()));
    }
    if (where.length() > MOST_AT_ONCE) {
      throw new FormatException(
          name(), where.offset(), "0x%x bytes at once are too many".formatted(where.length()));
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) where.length());
    read(where.offset(), bytes);
    return bytes.flip();
  }

  /** The bytes of {@code where} as an array of their own. */
  default byte[] bytes(Span where) throws IOException {
    return read(where).array();
  }

  /** A source over an array that the caller no longer changes. */
  static ByteSource of(String name, byte[] bytes) {
    return new ByteSource() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public long size() {
        return bytes.length;
      }

      @Override
      public void read(long offset, ByteBuffer into) throws IOException {
        if (offset < 0 || offset > bytes.length - into.remaining()) {
          throw new EOFException(
              "%s: 0x%x+0x%x is past the end 0x%x"
                  .formatted(name, offset, into.remaining(), bytes.length));
        }
        into.put(bytes, (int) offset, into.remaining());
      }
    };
  }
}
