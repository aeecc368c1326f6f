package dev.vmstate.kvmdir;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * A new file that is written from front to back, in which pages of zeros become holes: they have a
 * place and take none. For one thread.
 */
public final class SparseFile implements Closeable {
  private static final int PAGE = 4096;
  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(PAGE).asReadOnlyBuffer();

  private final Path path;
  private final RandomAccessFile file;
  private final FileChannel channel;
  private long size;

  SparseFile(Path path) throws IOException {
    this.path = path;
    this.file = new RandomAccessFile(path.toFile(), "rw");
    this.channel = file.getChannel();
  }

  /** Bytes so far. */
  public long size() {
    return size;
  }

  /** Leaves a hole of {@code length} bytes. */
  public void skip(long length) {
    if (length < 0) {
      throw new IllegalArgumentException("a hole of %d bytes".formatted(length));
    }
    size += length;
  }

  /** Adds the bytes that remain in {@code bytes}; quick where that starts at a page. */
  public void write(ByteBuffer bytes) throws IOException {
    ByteBuffer zeros = ZEROS.duplicate();
    int end = bytes.limit();
    int from = bytes.position();
    int at = from;
    while (at < end) {
      int length = (int) Math.min(PAGE - (size + at - bytes.position()) % PAGE, end - at);
      if (zeros.clear().limit(length).mismatch(bytes.slice(at, length)) < 0) {
        data(bytes, from, at);
        from = at + length;
      }
      at += length;
    }
    data(bytes, from, end);
    size += end - bytes.position();
    bytes.position(end);
  }

  private void data(ByteBuffer bytes, int from, int to) throws IOException {
    ByteBuffer part = bytes.slice(from, to - from);
    long at = size + from - bytes.position();
    while (part.hasRemaining()) {
      try {
        at += channel.write(part, at);
      } catch (IOException e) {
        throw new IOException("%s: %s".formatted(path, e.getMessage()), e);
      }
    }
  }

  /** Gives the file its length. */
  @Override
  public void close() throws IOException {
    try (file) {
      file.setLength(size);
    }
  }
}
