package dev.vmstate.inject;

import com.sun.nio.file.ExtendedOpenOption;
import dev.vmstate.bytes.ByteSource;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The bytes of an edited core. Stretches that should be holes are read past the page cache: the
 * kernel fills the buffer with zeros at memory speed, while a cached read of a hole allocates a
 * page for every 4 KiB of nothing (5 GiB of holes: a third of a second instead of twelve).
 */
final class CoreBytes implements ByteSource, Closeable {
  private static final int BLOCK = 4096;
  private static final int WINDOW = 1 << 17;

  private final String name;
  private final FileChannel channel;
  private final FileChannel direct;
  private final ByteBuffer aligned =
      ByteBuffer.allocateDirect(WINDOW + BLOCK).alignedSlice(BLOCK).slice(0, WINDOW);
  private final ByteBuffer window = ByteBuffer.allocateDirect(WINDOW);
  private final long size;
  private long windowStart;
  private int windowLength;

  CoreBytes(Path file) throws IOException {
    this.name = file.toString();
    this.channel = FileChannel.open(file, StandardOpenOption.READ);
    this.size = channel.size();
    this.direct = direct(file);
  }

  private static FileChannel direct(Path file) {
    try {
      return FileChannel.open(file, StandardOpenOption.READ, ExtendedOpenOption.DIRECT);
    } catch (IOException | UnsupportedOperationException e) {
      return null; // tmpfs, some network file systems: cached reads are right too
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    while (into.hasRemaining()) {
      int got = channel.read(into, offset);
      if (got < 0) {
        throw new EOFException("%s: the core ends at 0x%x".formatted(name, offset));
      }
      offset += got;
    }
  }

  /**
   * Makes {@code length} bytes from {@code offset} on readable in the returned buffer, at the index
   * {@code offset - start}; for reading forwards.
   */
  ByteBuffer window(long offset, int length) throws IOException {
    if (offset < windowStart || offset + length > windowStart + windowLength) {
      windowLength = 0;
      int fill = (int) Math.min(WINDOW, size - offset);
      if (fill < length) {
        throw new EOFException("%s: the core ends at 0x%x".formatted(name, size));
      }
      window.clear().limit(fill);
      read(offset, window);
      window.clear();
      windowStart = offset;
      windowLength = fill;
    }
    return window;
  }

  /** Index in {@link #window}'s buffer of a file offset inside it. */
  int indexOf(long offset) {
    return (int) (offset - windowStart);
  }

  /**
   * Reads a stretch that is expected to be a hole.
   *
   * @return a buffer with at most {@code length} and at least one byte from {@code offset} on
   */
  ByteBuffer hole(long offset, long length) throws IOException {
    aligned.clear();
    if (direct != null && offset % BLOCK == 0 && length >= BLOCK) {
      aligned.limit((int) Math.min(WINDOW, length & -BLOCK));
      int got = direct.read(aligned, offset);
      if (got > 0) {
        return aligned.flip();
      }
    }
    aligned.clear().limit((int) Math.min(WINDOW, length));
    read(offset, aligned);
    return aligned.flip();
  }

  @Override
  public void close() throws IOException {
    channel.close();
    if (direct != null) {
      direct.close();
    }
  }
}
