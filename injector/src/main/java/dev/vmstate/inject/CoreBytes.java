package dev.vmstate.inject;

import com.sun.nio.file.ExtendedOpenOption;
import dev.vmstate.bytes.ByteSource;
import dev.vmstate.container.FileSource;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * The bytes of an edited core. Stretches that should be holes are read past the page cache: the
 * kernel fills the buffer with zeros at memory speed, while a cached read of a hole allocates a
 * page for every 4 KiB of nothing (5 GiB of holes: a third of a second instead of twelve).
 */
final class CoreBytes implements ByteSource, Closeable {
  private static final int BLOCK = 4096;
  private static final int WINDOW = 1 << 17;
  private static final int LEAST_AHEAD = 16 << 10;

  private final FileSource file;
  private final Optional<FileChannel> direct;
  private final ByteBuffer aligned =
      ByteBuffer.allocateDirect(WINDOW + BLOCK).alignedSlice(BLOCK).slice(0, WINDOW);
  private final ByteBuffer window = ByteBuffer.allocateDirect(WINDOW);
  private long windowStart;
  private int windowLength;
  private int ahead = LEAST_AHEAD;
  private boolean directWorks;

  CoreBytes(Path file) throws IOException {
    this(file, direct(file));
  }

  /** {@code direct} reads past the page cache, if the file system can. */
  CoreBytes(Path file, Optional<FileChannel> direct) throws IOException {
    this.direct = direct;
    this.directWorks = direct.isPresent();
    this.file = new FileSource(file);
  }

  static Optional<FileChannel> direct(Path file) {
    try {
      return Optional.of(
          FileChannel.open(file, StandardOpenOption.READ, ExtendedOpenOption.DIRECT));
    } catch (IOException | UnsupportedOperationException e) {
      return Optional.empty(); // tmpfs, some network file systems: cached reads are right too
    }
  }

  @Override
  public String name() {
    return file.name();
  }

  @Override
  public long size() {
    return file.size();
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    file.read(offset, into);
  }

  /**
   * The {@code length} bytes from {@code offset} on, for reading forwards: who goes on where it
   * ended is read ahead for, more each time; who jumps is given little more than what it asked for.
   *
   * @return a buffer with exactly these bytes remaining, until the next call
   */
  ByteBuffer window(long offset, int length) throws IOException {
    if (offset < windowStart || offset + length > windowStart + windowLength) {
      boolean onwards = offset >= windowStart && offset <= windowStart + windowLength + LEAST_AHEAD;
      ahead = onwards ? Math.min(2 * ahead, WINDOW) : LEAST_AHEAD;
      windowLength = 0;
      int fill = (int) Math.min(Math.max(ahead, length), size() - offset);
      if (fill < length) {
        throw new EOFException("%s: the core ends at 0x%x".formatted(name(), size()));
      }
      window.clear().limit(fill);
      read(offset, window);
      windowStart = offset;
      windowLength = fill;
    }
    int index = (int) (offset - windowStart);
    return window.clear().limit(index + length).position(index);
  }

  /**
   * Reads a stretch that is expected to be a hole.
   *
   * @return a buffer with at most {@code length} and at least one byte from {@code offset} on
   */
  ByteBuffer hole(long offset, long length) throws IOException {
    if (directWorks && offset % BLOCK == 0 && length >= BLOCK) {
      aligned.clear().limit((int) Math.min(WINDOW, length & -BLOCK));
      if (readDirect(offset)) {
        return aligned.flip();
      }
    }
    aligned.clear().limit((int) Math.min(WINDOW, length));
    read(offset, aligned);
    return aligned.flip();
  }

  /**
   * Some file systems take O_DIRECT when the file is opened and refuse it (EINVAL) when it is read,
   * or want another alignment: then that was the last attempt. At the end of the file a read may be
   * short, which is as good.
   */
  private boolean readDirect(long offset) throws IOException {
    if (direct.isEmpty()) {
      return false;
    }
    try {
      return direct.get().read(aligned, offset) > 0;
    } catch (ClosedChannelException e) {
      throw e; // an interrupt, not the file system
    } catch (IOException e) {
      directWorks = false;
      return false;
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
    if (direct.isPresent()) {
      direct.get().close();
    }
  }
}
