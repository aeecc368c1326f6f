package dev.vmstate.exchange;

import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

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

  /** Pages a piece of the bitmap is for; a block that is only announced costs nothing. */
  private static final int PIECE_BITS = 1 << 16;

  private final Places places;
  private final WriteBehind out;
  private final Written[] written;
  private final int pageSize;
  private ByteBuffer batch;
  private long batchStart;

  /** A bit for each page of a block that was written. */
  private static final class Written {
    private final long[] @Nullable [] pieces;

    Written(int count) {
      this.pieces = new long[count][];
    }
  }

  /** Starts the thread that writes; the file stays the caller's. */
  public PageWriter(List<RamBlock> blocks, int pageSize, OutputFile file, Places places)
      throws IOException {
    this.places = places;
    this.out = new WriteBehind(file::write);
    this.batch = out.take();
    this.pageSize = pageSize;
    this.written = new Written[blocks.size()];
    for (int i = 0; i < written.length; i++) {
      long pieces = (blocks.get(i).pages() + PIECE_BITS - 1) / PIECE_BITS;
      written[i] = new Written(Math.toIntExact(pieces));
    }
  }

  @Override
  public void data(int block, long page, ByteBuffer bytes, int at, long offset) throws IOException {
    room(block, page);
    batch.put(batch.position(), bytes, at, pageSize);
    batch.position(batch.position() + pageSize);
    setWritten(block, page);
  }

  @Override
  public void fill(int block, long page, int value) throws IOException {
    if (value == 0 && !isWritten(block, page)) {
      return;
    }
    room(block, page);
    for (int i = 0; i < pageSize; i++) {
      batch.put((byte) value);
    }
    setWritten(block, page);
  }

  private void setWritten(int block, long page) {
    int index = (int) (page / PIECE_BITS);
    long[] piece = written[block].pieces[index];
    if (piece == null) {
      piece = new long[PIECE_BITS / Long.SIZE];
      written[block].pieces[index] = piece;
    }
    piece[(int) (page % PIECE_BITS) >>> 6] |= 1L << page;
  }

  private boolean isWritten(int block, long page) {
    long[] piece = written[block].pieces[(int) (page / PIECE_BITS)];
    return piece != null && (piece[(int) (page % PIECE_BITS) >>> 6] & 1L << page) != 0;
  }

  /** Whether none of the pages with these bytes was written. */
  boolean isHole(int block, long offset, long bytes) {
    for (long page = offset / pageSize; page * pageSize < offset + bytes; page++) {
      if (isWritten(block, page)) {
        return false;
      }
    }
    return true;
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
