package dev.vmstate.kvm;

import com.sun.jna.Pointer;
import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;

/**
 * Mapped memory of any size: a guest's RAM. Threads may read and write at once, the guest does.
 *
 * <p>All access is checked: outside its bounds it is an {@link IndexOutOfBoundsException}, after
 * {@link #close} an {@link IllegalStateException}. Where a mapped file was cut short it is an
 * {@link IOException}: the file is asked for its length before. Should it be cut right then, the
 * bytes go through buffers, for which the JVM turns the signal into an error (sooner or later), and
 * not through bare pointers, where it would end the process.
 */
public final class Mapping implements AutoCloseable {
  /** A buffer holds less than 2 GiB. */
  private static final long SLICE = 1L << 30;

  private static final int PAGE = 4096;

  private final String name;
  private final long address;
  private final long size;
  private final List<ByteBuffer> slices;
  private final StampedLock lock = new StampedLock();
  private boolean closed;
  private int holders;

  /** What is mapped from {@link #fileOffset} on, to be asked for its length; null of no file. */
  private final @Nullable RandomAccessFile file;

  private final long fileOffset;

  private Mapping(
      String name, long address, long size, @Nullable RandomAccessFile file, long fileOffset) {
    this.name = name;
    this.address = address;
    this.size = size;
    this.file = file;
    this.fileOffset = fileOffset;
    List<ByteBuffer> made = new ArrayList<>();
    Pointer pointer = new Pointer(address);
    for (long at = 0; at < size; at += SLICE) {
      made.add(
          pointer.getByteBuffer(at, Math.min(SLICE, size - at)).order(ByteOrder.LITTLE_ENDIAN));
    }
    this.slices = List.copyOf(made);
  }

  /** {@code size} bytes of zeros, whole pages; a page costs memory once it is touched. */
  public static Mapping anonymous(long size) throws KvmException {
    int flags = LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS | LibC.MAP_NORESERVE;
    return new Mapping("memory", map("memory", size, flags, -1, 0), size, null, 0);
  }

  /**
   * A file as memory: what is written is the file's. It is made if there is none, and filled up
   * with zeros (a hole) if it is shorter; what it has behind {@code size} is left alone.
   */
  public static Mapping shared(Path file, long size) throws IOException {
    int fd = open(file, LibC.O_RDWR | LibC.O_CREAT);
    try {
      if (Files.size(file) < size && LibC.ftruncate(fd, size) != 0) {
        throw KvmException.of(
            "%s: cannot be made 0x%x bytes long".formatted(file, size), LibC.errno());
      }
      return ofFile(file, fd, LibC.MAP_SHARED, 0, size);
    } finally {
      LibC.close(fd);
    }
  }

  /**
   * A part of a file as memory of one's own: pages come from the file when they are touched, what
   * is written never goes there.
   *
   * @param offset a multiple of the page size
   * @throws EOFException when the file ends before
   */
  public static Mapping copyOnWrite(Path file, long offset, long size) throws IOException {
    int fd = open(file, LibC.O_RDONLY);
    try {
      return ofFile(file, fd, LibC.MAP_PRIVATE | LibC.MAP_NORESERVE, offset, size);
    } finally {
      LibC.close(fd);
    }
  }

  private static int open(Path file, int flags) throws KvmException {
    int fd = LibC.open(Kvm.bytes(file), flags | LibC.O_CLOEXEC, 0600);
    if (fd < 0) {
      throw KvmException.of(file.toString(), LibC.errno());
    }
    return fd;
  }

  private static Mapping ofFile(Path path, int fd, int flags, long offset, long size)
      throws IOException {
    RandomAccessFile file = new RandomAccessFile(path.toFile(), "r");
    try {
      long length = file.length();
      if (offset < 0 || size > length || offset > length - size) {
        throw new EOFException(
            "%s: 0x%x+0x%x is past the end 0x%x".formatted(path, offset, size, length));
      }
      long address = map(path.toString(), size, flags, fd, offset);
      return new Mapping(path.toString(), address, size, file, offset);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private static long map(String name, long size, int flags, int fd, long offset)
      throws KvmException {
    if (size <= 0 || size % PAGE != 0 || offset % PAGE != 0) {
      throw new IllegalArgumentException(
          "%s: 0x%x+0x%x are no whole pages".formatted(name, offset, size));
    }
    long address = LibC.mmap(0, size, LibC.PROT_READ | LibC.PROT_WRITE, flags, fd, offset);
    if (address == -1) {
      throw KvmException.of("%s: mmap of 0x%x bytes".formatted(name, size), LibC.errno());
    }
    return address;
  }

  /** Bytes of it. */
  public long size() {
    return size;
  }

  /** Puts the bytes from {@code offset} on into {@code into}, until that is full. */
  public void read(long offset, ByteBuffer into) throws IOException {
    access(offset, into.remaining(), part -> into.put(part));
  }

  /** Fills {@code into}. */
  public void read(long offset, byte[] into) throws IOException {
    read(offset, ByteBuffer.wrap(into));
  }

  /** Puts what is left of {@code from} at {@code offset}. */
  public void write(long offset, ByteBuffer from) throws IOException {
    access(
        offset,
        from.remaining(),
        part -> {
          int limit = from.limit();
          from.limit(from.position() + part.remaining());
          part.put(from);
          from.limit(limit);
        });
  }

  /** Puts all of {@code from} at {@code offset}. */
  public void write(long offset, byte[] from) throws IOException {
    write(offset, ByteBuffer.wrap(from));
  }

  /** Writes {@code length} bytes from {@code offset} on to a file or socket, without a copy. */
  public void writeTo(WritableByteChannel channel, long offset, long length) throws IOException {
    access(
        offset,
        length,
        part -> {
          while (part.hasRemaining()) {
            channel.write(part);
          }
        });
  }

  private interface Part {
    void with(ByteBuffer part) throws IOException;
  }

  private void access(long offset, long length, Part what) throws IOException {
    if (offset < 0 || length < 0 || length > size || offset > size - length) {
      throw new IndexOutOfBoundsException(
          "%s: 0x%x+0x%x is past the end 0x%x".formatted(name, offset, length, size));
    }
    long stamp = lock.readLock();
    try {
      requireOpen();
      if (file != null && file.length() < fileOffset + offset + length) {
        throw cut(offset, length, null);
      }
      long at = offset;
      while (at < offset + length) {
        ByteBuffer slice = slices.get((int) (at / SLICE));
        int from = (int) (at % SLICE);
        int part = (int) Math.min(slice.capacity() - from, offset + length - at);
        what.with(slice.slice(from, part).order(ByteOrder.LITTLE_ENDIAN));
        at += part;
      }
    } catch (InternalError e) {
      throw cut(offset, length, e);
    } finally {
      lock.unlockRead(stamp);
    }
  }

  private IOException cut(long offset, long length, @Nullable Throwable why) {
    return new IOException(
        "%s: 0x%x+0x%x is gone: the file was cut short while it was in use"
            .formatted(name, fileOffset + offset, length),
        why);
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException(name + " is unmapped");
    }
  }

  /** Waits until what was written to a shared file is on its disk. */
  public void sync() throws KvmException {
    long stamp = lock.readLock();
    try {
      requireOpen();
      if (LibC.msync(address, size, LibC.MS_SYNC) != 0) {
        throw KvmException.of(name + ": msync", LibC.errno());
      }
    } finally {
      lock.unlockRead(stamp);
    }
  }

  /**
   * Where it lies, for a machine that has it as RAM and so keeps it from being unmapped: what this
   * process would map there next the guest could write to.
   */
  long hold(long offset, long length) {
    if (offset < 0 || length <= 0 || length > size || offset > size - length) {
      throw new IndexOutOfBoundsException(
          "%s: 0x%x+0x%x is past the end 0x%x".formatted(name, offset, length, size));
    }
    long stamp = lock.writeLock();
    try {
      requireOpen();
      holders++;
      return address + offset;
    } finally {
      lock.unlockWrite(stamp);
    }
  }

  void release() {
    long stamp = lock.writeLock();
    try {
      holders--;
    } finally {
      lock.unlockWrite(stamp);
    }
  }

  /**
   * Unmaps it; once, however often it is called.
   *
   * @throws IllegalStateException while a machine has it as RAM
   */
  @Override
  public void close() {
    long stamp = lock.writeLock();
    try {
      if (closed) {
        return;
      }
      if (holders > 0) {
        throw new IllegalStateException(name + " is a machine's RAM: close that first");
      }
      closed = true;
      LibC.munmap(address, size);
      if (file != null) {
        file.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      lock.unlockWrite(stamp);
    }
  }
}
