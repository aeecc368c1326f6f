package dev.vmstate.ram;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.memory.RamBlock;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The bytes of each page, wherever the index says they are: in the stream as they are, compressed
 * in it, or, where the stream has only deltas, in a scratch file. While a stream is read this is
 * RAM as it is so far, which is what a delta changes.
 */
public final class RamPages implements Closeable {
  private final ByteSource stream;
  private final RamIndex index;
  private final DeltaPages deltas;

  /** The page that was inflated last: a page table is read eight bytes at a time. */
  private byte[] inflated = {};

  private long inflatedFrom = -1;

  /** Of a stream that is still to be read. */
  public RamPages(ByteSource stream, List<RamBlock> blocks) {
    this.stream = stream;
    this.index = new RamIndex(blocks);
    this.deltas = new DeltaPages(blocks);
  }

  /** Where each page lies. */
  public RamIndex index() {
    return index;
  }

  /** The source the index's offsets count in. */
  public ByteSource stream() {
    return stream;
  }

  /**
   * Fills {@code into} with bytes of one page, from its byte {@code within} on.
   *
   * @throws FormatException when a compressed page does not hold what it should
   */
  public void read(int block, long page, int within, ByteBuffer into) throws IOException {
    long value = index.value(block, page);
    int pageSize = index.blocks().get(block).pageSize();
    switch (index.kind(block, page)) {
      case DATA -> {
        stream.jump(value);
        stream.read(value + within, into);
      }
      case FILL -> fill(into, (byte) value);
      case ABSENT -> fill(into, (byte) 0);
      case DEFLATED -> into.put(inflated(value, pageSize), within, into.remaining());
      case DELTA -> deltas.read(block, page * pageSize + within, into);
    }
  }

  private byte[] inflated(long from, int pageSize) throws IOException {
    if (from != inflatedFrom || inflated.length != pageSize) {
      byte[] page = new byte[pageSize];
      stream.jump(from);
      DeflatedPage.read(stream, from, page);
      inflated = page;
      inflatedFrom = from;
    }
    return inflated;
  }

  private static void fill(ByteBuffer into, byte value) {
    while (into.hasRemaining()) {
      into.put(value);
    }
  }

  /** Keeps a page that a delta has changed. */
  void changed(int block, long page, byte[] bytes) throws IOException {
    deltas.write(block, page, bytes);
    index.delta(block, page);
  }

  @Override
  public void close() throws IOException {
    deltas.close();
  }
}
