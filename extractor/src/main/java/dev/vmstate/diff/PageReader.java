package dev.vmstate.diff;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.ram.RamPages;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Reads data pages that are asked for mostly in order. Consecutive pages mostly lie in consecutive
 * records, so a read takes along the pages after it, as long as they follow closely in the stream;
 * pages scattered over the stream by a live migration's passes are read one by one.
 */
final class PageReader {
  private static final int WINDOW = 1 << 20;

  /** Bytes between two wanted pages that cost less to read than another system call. */
  private static final int GAP = 1 << 15;

  /** Pages looked at ahead, wanted or not. */
  private static final int LOOKAHEAD = 4096;

  private final RamPages pages;
  private final ByteSource stream;
  private final RamIndex index;
  private final ByteBuffer window = ByteBuffer.allocateDirect(WINDOW);
  private long start;
  private long end;

  PageReader(RamPages pages) {
    this.pages = pages;
    this.stream = pages.stream();
    this.index = pages.index();
  }

  /** A view of the bytes of a page that has some, good until the next call. */
  ByteBuffer page(int block, long page) throws IOException {
    int pageSize = index.blocks().get(block).pageSize();
    if (index.kind(block, page) != RamIndex.Kind.DATA) {
      ByteBuffer made = ByteBuffer.allocate(pageSize);
      pages.read(block, page, 0, made);
      return made.flip();
    }
    long offset = index.value(block, page);
    if (offset < start || offset + pageSize > end) {
      fill(block, page, offset, pageSize);
    }
    return window.slice((int) (offset - start), pageSize);
  }

  private void fill(int block, long page, long offset, int pageSize) throws IOException {
    long until = offset + pageSize;
    long last = Math.min(index.blocks().get(block).pages(), page + LOOKAHEAD);
    for (long next = page + 1; next < last; next++) {
      if (index.kind(block, next) != RamIndex.Kind.DATA) {
        continue;
      }
      long at = index.value(block, next);
      if (at < until || at - until > GAP || at + pageSize - offset > WINDOW) {
        break;
      }
      until = at + pageSize;
    }
    start = 0;
    end = 0;
    window.clear().limit((int) (until - offset));
    stream.jump(offset);
    stream.read(offset, window);
    window.clear();
    start = offset;
    end = until;
  }
}
