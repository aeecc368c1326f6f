package dev.vmstate.ram;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * A page that QEMU up to 9.0 compressed (capability {@code compress}): {@code u32 length}, then
 * that many bytes of a zlib stream that holds exactly the page.
 *
 * <p>Source: {@code migration/ram-compress.c} ({@code ram.c} before 8.1), do_compress_ram_page.
 */
final class DeflatedPage {
  private DeflatedPage() {}

  /** The longest a page can get when zlib cannot make it shorter: zlib's compressBound. */
  static int mostBytes(int pageSize) {
    return pageSize + (pageSize >> 12) + (pageSize >> 14) + (pageSize >> 25) + 13;
  }

  /**
   * Reads a page by random access.
   *
   * @param at where the length word stands
   * @param page filled
   */
  static void read(ByteSource stream, long at, byte[] page) throws IOException {
    int length = stream.read(new Span(at, 4)).getInt();
    if (length <= 0 || length > mostBytes(page.length)) {
      throw new EOFException(
          "%s: a compressed page of %d bytes at 0x%x: the file has changed while it was read"
              .formatted(stream.name(), length, at));
    }
    inflate(stream.read(new Span(at + 4, length)), page, stream.name(), at);
  }

  /**
   * Inflates what {@code from} has left.
   *
   * @param at where the length word stands, for errors
   */
  static void inflate(ByteBuffer from, byte[] page, String name, long at) throws FormatException {
    Inflater inflater = new Inflater();
    try {
      inflater.setInput(from);
      int got = inflater.inflate(page);
      boolean more =
          got == page.length && !inflater.finished() && inflater.inflate(new byte[1]) > 0;
      if (got != page.length || more || !inflater.finished()) {
        throw new FormatException(
            name,
            at,
            "a compressed page holds %s%d bytes, %d expected"
                .formatted(more ? "more than " : "", got, page.length));
      }
    } catch (DataFormatException e) {
      throw new FormatException(
          name, at, "a compressed page is no zlib stream: %s".formatted(e.getMessage()));
    } finally {
      inflater.end();
    }
  }
}
