package dev.vmstate.inject;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Several files as one, each behind the one before, for what reads and writes at offsets: so one
 * undo journal covers a directory. Where each begins is settled when they are opened; none of them
 * gets another length.
 */
final class JoinedFiles extends FileChannel {
  private final List<FileChannel> files;

  /** Where each file begins, and at last where all end. */
  private final long[] starts;

  /** Of open files, which are closed with it. */
  JoinedFiles(List<FileChannel> files) throws IOException {
    this.files = List.copyOf(files);
    this.starts = new long[files.size() + 1];
    for (int i = 0; i < files.size(); i++) {
      starts[i + 1] = Math.addExact(starts[i], files.get(i).size());
    }
  }

  /** Opens existing files to be read and written. */
  static JoinedFiles open(List<Path> paths) throws IOException {
    List<FileChannel> open = new ArrayList<>();
    try {
      for (Path path : paths) {
        open.add(FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE));
      }
      return new JoinedFiles(open);
    } catch (IOException | RuntimeException e) {
      close(open);
      throw e;
    }
  }

  private static void close(List<FileChannel> files) throws IOException {
    for (FileChannel file : files) {
      file.close();
    }
  }

  /** The file that has the byte at {@code position}; behind the end, how many files there are. */
  private int fileAt(long position) {
    if (position < 0) {
      throw new IllegalArgumentException("offset " + position);
    }
    int found = Arrays.binarySearch(starts, position);
    int file = found < 0 ? -found - 2 : found;
    while (file < files.size() && starts[file + 1] == position) {
      file++; // an empty one has no byte there
    }
    return file;
  }

  /** As much of {@code bytes} as the file has place for from {@code position} on. */
  private ByteBuffer part(ByteBuffer bytes, int file, long position) {
    long room = starts[file + 1] - position;
    return bytes.slice(bytes.position(), (int) Math.min(bytes.remaining(), room));
  }

  @Override
  public int read(ByteBuffer into, long position) throws IOException {
    int file = fileAt(position);
    if (file == files.size()) {
      return -1;
    }
    int got = files.get(file).read(part(into, file, position), position - starts[file]);
    into.position(into.position() + Math.max(0, got));
    return got;
  }

  @Override
  public int write(ByteBuffer from, long position) throws IOException {
    int file = fileAt(position);
    if (file == files.size()) {
      throw new IOException(
          "0x%x is behind the end 0x%x of the files".formatted(position, starts[file]));
    }
    int put = files.get(file).write(part(from, file, position), position - starts[file]);
    from.position(from.position() + put);
    return put;
  }

  @Override
  public long size() throws IOException {
    long size = 0;
    for (FileChannel file : files) {
      size += file.size();
    }
    return size;
  }

  /** Nothing, where that is the length they have. */
  @Override
  public FileChannel truncate(long size) throws IOException {
    if (size < size()) {
      throw new IOException("0x%x bytes of files are not cut to 0x%x".formatted(size(), size));
    }
    return this;
  }

  @Override
  public void force(boolean metaData) throws IOException {
    for (FileChannel file : files) {
      file.force(metaData);
    }
  }

  /** Locks every file, whole; null when somebody else has one of them. */
  @Override
  public @Nullable FileLock tryLock(long position, long size, boolean shared) throws IOException {
    List<FileLock> locks = new ArrayList<>();
    boolean all = false;
    try {
      for (FileChannel file : files) {
        FileLock lock = file.tryLock(0, Long.MAX_VALUE, shared);
        if (lock == null) {
          return null;
        }
        locks.add(lock);
      }
      all = true;
      return locks.get(0);
    } finally {
      for (FileLock lock : all ? List.<FileLock>of() : locks) {
        lock.release();
      }
    }
  }

  @Override
  protected void implCloseChannel() throws IOException {
    close(files);
  }

  // What goes by a position of the channel's own, nobody here uses.

  @Override
  public int read(ByteBuffer into) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long read(ByteBuffer[] into, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int write(ByteBuffer from) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long write(ByteBuffer[] from, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long position() {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileChannel position(long position) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long transferTo(long position, long count, WritableByteChannel target) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long position, long count) {
    throw new UnsupportedOperationException();
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long position, long size) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileLock lock(long position, long size, boolean shared) {
    throw new UnsupportedOperationException();
  }
}
