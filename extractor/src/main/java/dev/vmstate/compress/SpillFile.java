package dev.vmstate.compress;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * A temporary file that has no name: it is deleted as soon as it is open (DELETE_ON_CLOSE does that
 * on Linux), so not even a killed program leaves it behind. Written once from front to back; blocks
 * of zeros stay holes.
 */
final class SpillFile implements Closeable {
  private static final int BLOCK = 4096;
  private static final byte[] ZEROS = new byte[BLOCK];

  /** Looked at again after so many bytes. */
  private static final long EVERY = 64 << 20;

  /** Left free for everybody else: this, or a twentieth of a small disk. */
  private static final long RESERVE = 1L << 30;

  private final Path directory;
  private final FileStore store;
  private final FileChannel channel;
  private long size;
  private long checkAt;

  /** {@code of}: what it holds, for its name. */
  SpillFile(Path directory, String of) throws IOException {
    this.directory = directory;
    this.store = Files.getFileStore(directory);
    this.channel =
        FileChannel.open(
            directory.resolve(
                ".vmstate-spill-%08x-%d-%x"
                    .formatted(of.hashCode(), ProcessHandle.current().pid(), System.nanoTime())),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.SPARSE,
            StandardOpenOption.DELETE_ON_CLOSE);
  }

  /** Adds bytes; all but the last time a whole number of blocks. */
  void append(byte[] bytes, int length) throws IOException {
    if (size >= checkAt) {
      long total = store.getTotalSpace();
      long reserve = Math.min(RESERVE, total / 20);
      if (total > 0 && store.getUsableSpace() < reserve + EVERY) {
        throw new IOException(
            "%s: no room to decompress into: less than %d MiB are free"
                .formatted(directory, (reserve + EVERY) >> 20));
      }
      checkAt = size + EVERY;
    }
    for (int at = 0; at < length; ) {
      int end = at;
      while (end < length && !zeros(bytes, end, length)) {
        end = Math.min(length, end + BLOCK);
      }
      if (end > at) {
        write(ByteBuffer.wrap(bytes, at, end - at), size + at);
      }
      at = end;
      while (at < length && zeros(bytes, at, length)) {
        at = Math.min(length, at + BLOCK);
      }
    }
    size += length;
  }

  private static boolean zeros(byte[] bytes, int at, int length) {
    int end = Math.min(length, at + BLOCK);
    return Arrays.equals(bytes, at, end, ZEROS, 0, end - at);
  }

  private void write(ByteBuffer bytes, long at) throws IOException {
    try {
      for (long to = at; bytes.hasRemaining(); ) {
        to += channel.write(bytes, to);
      }
    } catch (IOException e) {
      throw e instanceof FileSystemException
          ? e
          : new IOException(directory + ": " + e.getMessage(), e);
    }
  }

  long size() {
    return size;
  }

  /** Gives the file its length, when it ends with zeros too. */
  long finish() throws IOException {
    if (channel.size() < size) {
      write(ByteBuffer.allocate(1), size - 1);
    }
    return size;
  }

  int read(long offset, ByteBuffer into) throws IOException {
    int start = into.position();
    for (long at = offset; into.hasRemaining(); ) {
      int got = channel.read(into, at);
      if (got < 0) {
        break;
      }
      at += got;
    }
    return into.position() - start;
  }

  FileChannel channel() {
    return channel;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
