package dev.vmstate.stream;

import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.memory.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Where a mapped-ram stream keeps the pages of one RAM block.
 *
 * <pre>
 * MappedRam ::= u32 version 1, u64 page_size, u64 bitmap_offset, u64 pages_offset
 *               … bitmap … padding up to 1 MiB … used_length bytes of pages
 * </pre>
 *
 * <p>Source: {@code migration/ram.c} (QEMU 9.0), mapped_ram_setup_ramblock. Both offsets count from
 * the start of the file, so a stream written with {@code file:F,offset=N} or behind libvirt's
 * header has them shifted. The next block's entry follows the pages. Bit i of the bitmap is set
 * when the bytes of page i are valid; when it is clear the page is zero, whatever stands there: a
 * page that became zero while the guest ran leaves its old bytes behind.
 *
 * <p>With x-ignore-shared QEMU 11 writes both offsets as 0 for memory that is not in the stream,
 * and the next entry follows the header (QEMU 10.0 cannot save such a guest at all: it fails with
 * EFAULT).
 *
 * @param offsets the two offsets themselves, in stream offsets
 * @param bitmap one bit a page, in stream offsets; empty for memory that is not in the stream
 * @param pages as long as the block, in stream offsets; empty for memory that is not in the stream
 */
public record MappedRam(Span offsets, Span bitmap, Span pages) {
  private static final int MAPPED_RAM_HDR_VERSION = 1;

  /** Whether the block's bytes are in the stream. */
  public boolean stored() {
    return pages.length() > 0;
  }

  /**
   * The offsets as they have to be when the stream starts at another place of a file; what is not
   * in the stream keeps its 0.
   */
  public Patch offsets(long streamAt) {
    ByteBuffer words = ByteBuffer.allocate(16);
    if (stored()) {
      words.putLong(streamAt + bitmap.offset()).putLong(streamAt + pages.offset());
    }
    return new Patch(offsets, words.clear());
  }

  /** Bytes of a bitmap of {@code pages} pages: whole 64-bit words, as 64-bit hosts write it. */
  public static long bitmapBytes(long pages) {
    return (pages + 63) / 64 * 8;
  }

  /** Decodes the header behind the block's entry and moves behind the block's pages. */
  static MappedRam decode(Cursor in, RamBlock block, boolean mayBeElsewhere, long streamAt)
      throws IOException {
    String of = "'%s'".formatted(block.name());
    long start = in.position();
    long version = in.u32("version of the mapped-ram header of " + of);
    if (version != MAPPED_RAM_HDR_VERSION) {
      throw new UnsupportedFormatException(
          in.place(),
          start,
          "mapped-ram header version %d of RAM block %s, only 1 is known".formatted(version, of));
    }
    long pageSize = in.u64("page size of " + of);
    if (pageSize != block.pageSize()) {
      throw in.bad(
          "RAM block %s has pages of 0x%x bytes, this machine's have 0x%x"
              .formatted(of, pageSize, block.pageSize()));
    }
    Span offsets = new Span(in.position(), 16);
    long bitmapAt = in.u64("bitmap_offset of " + of);
    long pagesAt = in.u64("pages_offset of " + of);
    if (mayBeElsewhere && bitmapAt == 0 && pagesAt == 0) {
      Span nothing = new Span(in.position(), 0);
      return new MappedRam(offsets, nothing, nothing);
    }
    Span bitmap = bitmap(in, block, of, bitmapAt, streamAt);
    Span pages = pages(in, block, of, pagesAt, streamAt);
    return new MappedRam(offsets, bitmap, pages);
  }

  private static Span bitmap(Cursor in, RamBlock block, String of, long offset, long streamAt)
      throws FormatException {
    long at = offset - streamAt;
    if (offset < streamAt || at < in.position()) {
      throw in.bad(
          "the bitmap of RAM block %s stands at file offset 0x%x, 0x%x or more expected%s"
              .formatted(of, offset, streamAt + in.position(), cut(offset, streamAt)));
    }
    in.skip(at - in.position(), "bytes before the bitmap of " + of);
    return in.skip(bitmapBytes(block.pages()), "bitmap of " + of);
  }

  private static Span pages(Cursor in, RamBlock block, String of, long offset, long streamAt)
      throws FormatException {
    long at = offset - streamAt;
    if (offset < streamAt || at < in.position()) {
      throw in.bad(
          "the pages of RAM block %s stand at file offset 0x%x, 0x%x or more expected%s"
              .formatted(of, offset, streamAt + in.position(), cut(offset, streamAt)));
    }
    if (offset % block.pageSize() != 0) {
      throw in.bad(
          "the pages of RAM block %s stand at file offset 0x%x, which no page size divides"
              .formatted(of, offset));
    }
    in.skip(at - in.position(), "bytes before the pages of " + of);
    return in.skip(block.bytes(), "pages of " + of);
  }

  /** Offsets that fit a stream at offset 0 only: somebody moved the stream inside its file. */
  private static String cut(long offset, long streamAt) {
    return streamAt > 0 && offset >= 0 && offset < streamAt
        ? " (was the stream moved from the start of a file to offset 0x%x?)".formatted(streamAt)
        : "";
  }
}
