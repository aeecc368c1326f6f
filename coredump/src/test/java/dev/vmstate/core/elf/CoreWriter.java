package dev.vmstate.core.elf;

import dev.vmstate.memory.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;

/**
 * Writes a core's parts to where {@link CoreLayout} puts them, in any order, into a new and empty
 * channel. What is never written is zero, and on most file systems a hole.
 */
public final class CoreWriter {
  /** What is looked at for zeros at once: a file system block. */
  private static final int PAGE = 4096;

  private static final int CHUNK = 1 << 20;

  private final CoreLayout layout;
  private final SeekableByteChannel out;

  /** A writer to an open, empty channel, which the caller closes. */
  public CoreWriter(CoreLayout layout, SeekableByteChannel out) {
    this.layout = layout;
    this.out = out;
  }

  /**
   * Copies every block out of {@code memory}, which has the layout's blocks; zero pages stay holes.
   */
  public void writeMemory(GuestMemory memory) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
    for (int block = 0; block < layout.blocks().size(); block++) {
      long bytes = layout.blocks().get(block).bytes();
      for (long at = 0; at < bytes; at += CHUNK) {
        chunk.clear().limit((int) Math.min(CHUNK, bytes - at));
        memory.readBlock(block, at, chunk);
        writeData(layout.offsetOf(block, at), chunk.flip());
      }
    }
  }

  /**
   * Puts bytes of one block in their place, zeros too: in a live migration's stream a page may come
   * first with data and then as zeros, and a hole would leave the old data. Pages that were zero
   * all along are best not written.
   */
  public void writeBlock(int block, long offset, ByteBuffer bytes) throws IOException {
    layout.offsetOf(block, offset + bytes.remaining()); // the last byte is inside, too
    write(layout.offsetOf(block, offset), bytes);
  }

  /** Writes the stretches between zero pages. */
  private void writeData(long start, ByteBuffer bytes) throws IOException {
    int limit = bytes.limit();
    int from = 0;
    while (from < limit) {
      int next = from;
      while (next < limit && !isZero(bytes, next, Math.min(next + PAGE, limit))) {
        next = Math.min(next + PAGE, limit);
      }
      if (next > from) {
        write(start + from, bytes.limit(next).position(from));
        bytes.limit(limit);
      }
      from = next + PAGE; // the page that ended the stretch is zero
    }
  }

  /** Writes {@link CoreHeader#encode}'s bytes and gives the file its length. */
  public void writeHeader(ByteBuffer header) throws IOException {
    write(0, header);
    if (out.size() < layout.size()) {
      write(layout.size() - 1, ByteBuffer.allocate(1)); // a channel grows by writing only
    }
  }

  private void write(long at, ByteBuffer bytes) throws IOException {
    out.position(at);
    while (bytes.hasRemaining()) {
      out.write(bytes);
    }
  }

  private static boolean isZero(ByteBuffer bytes, int from, int to) {
    int at = from;
    while (at < to - 7 && bytes.getLong(at) == 0) {
      at += 8;
    }
    while (at < to && bytes.get(at) == 0) {
      at++;
    }
    return at == to;
  }
}
