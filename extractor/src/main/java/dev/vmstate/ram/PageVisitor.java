package dev.vmstate.ram;

import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Sees the page records of a stream, in stream order; a later record of a page replaces it. */
public interface PageVisitor {
  /**
   * A page of data.
   *
   * @param block index of the RAM block
   * @param page number of the page in the block
   * @param bytes holds the page at {@code at}; position and limit mean nothing and must be left
   *     alone
   * @param offset where the page's bytes start in the stream, or -1 when they were compressed or
   *     are what a delta made
   */
  void data(int block, long page, ByteBuffer bytes, int at, long offset) throws IOException;

  /**
   * A page of one byte value.
   *
   * @param value 0 to 255; every QEMU of today writes 0
   */
  void fill(int block, long page, int value) throws IOException;

  /**
   * A record names its block, instead of continuing the one before; told ahead of the record.
   *
   * @param where the length byte and the name
   */
  default void named(int block, Span where) throws IOException {}

  /** A part's records start at {@code at}; the first may continue the block of the part before. */
  default void starts(long at) throws IOException {}

  /** A part's records end at {@code eos}, where its EOS word stands. */
  default void ends(long eos) throws IOException {}

  /** Shows every record to {@code first}, then to {@code second}. */
  static PageVisitor both(PageVisitor first, PageVisitor second) {
    return new PageVisitor() {
      @Override
      public void data(int block, long page, ByteBuffer bytes, int at, long offset)
          throws IOException {
        first.data(block, page, bytes, at, offset);
        second.data(block, page, bytes, at, offset);
      }

      @Override
      public void fill(int block, long page, int value) throws IOException {
        first.fill(block, page, value);
        second.fill(block, page, value);
      }

      @Override
      public void named(int block, Span where) throws IOException {
        first.named(block, where);
        second.named(block, where);
      }

      @Override
      public void starts(long at) throws IOException {
        first.starts(at);
        second.starts(at);
      }

      @Override
      public void ends(long eos) throws IOException {
        first.ends(eos);
        second.ends(eos);
      }
    };
  }
}
