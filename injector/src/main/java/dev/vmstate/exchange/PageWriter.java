package dev.vmstate.exchange;

import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Puts pages where they belong in a file, as they pass. Pages that follow each other are gathered
 * and written at once; a page of zeros is never written unless an earlier record of it was, so it
 * stays a hole.
 */
public final class PageWriter implements PageVisitor, Closeable {
  /** Where a block's byte stands in the file. */
  public interface Places {
    long offsetOf(int block, long offset);
  }

  private final Places places;
  private final WriteBehind out;
  private final long[][] written;
  private final int pageSize;
  private ByteBuffer batch;
  private long batchStart;

  /** Starts the thread that writes; the file stays the caller's. */
  public PageWriter(List<RamBlock> blocks, int pageSize, OutputFile file, Places places)
      throws IOException {
    this.places = places;
    this.out = new WriteBehind(file::write);
    this.batch = out.take();
    this.pageSize = pageSize;
    this.written = new long[blocks.size()][];
    for (int i = 0; i < written.length; i++) {
      RamBlock block = blocks.get(i);
      written[i] = new long[Math.toIntExact((block.pages() + 63) / 64)];
    }
  }

  @Override
  public void data(int block, long page, ByteBuffer bytes, int at, long offset) throws IOException {
    room(block, page);
    batch.put(batch.position(), bytes, at, pageSize);
    batch.position(batch.position() + pageSize);
    written[block][(int) (page >>> 6)] |= 1L << page;
  }

  @Override
  public void fill(int block, long page, int value) throws IOException {
    if (value == 0 && (written[block][(int) (page >>> 6)] & 1L << page) == 0) {
      return;
    }
    room(block, page);
    for (int i = 0; i < pageSize; i++) {
      batch.put((byte) value);
    }
    written[block][(int) (page >>> 6)] |= 1L << page;
  }

  /** Makes the batch end where the page belongs. */
  private void room(int block, long page) throws IOException {
    long at = places.offsetOf(block, page * pageSize);
    if (at != batchStart + batch.position() || batch.remaining() < pageSize) {
      flush();
      batchStart = at;
    }
  }

  private void flush() throws IOException {
    int length = batch.position();
    out.write(batch.flip(), batchStart);
    batch = out.take();
    batchStart += length;
  }

  /** Waits until every page is in the file. */
  public void finish() throws IOException {
    flush();
    out.giveBack(batch);
    out.drain();
    batch = out.take();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
