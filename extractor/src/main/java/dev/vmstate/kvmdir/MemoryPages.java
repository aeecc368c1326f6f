package dev.vmstate.kvmdir;

import com.sun.nio.file.ExtendedOpenOption;
import dev.vmstate.bytes.Progress;
import dev.vmstate.container.FileSource;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The pages of {@code memory-ranges}, read once from front to back; those of zeros are shown as
 * such, be they holes or bytes.
 *
 * <p>Java cannot ask where a file has holes. Read through the page cache a hole costs as much as
 * data: the kernel makes pages of zeros for it (ext4: 2.3 s for a GiB the first time). Read past
 * the cache ({@code O_DIRECT}) it costs filling a buffer (0.04 s). So after a stretch of zeros the
 * next one is read past the cache, for as long as zeros come. Where the file system has no such
 * reads everything goes through the cache.
 */
final class MemoryPages implements Closeable {
  /** As much as stays in the processor's cache between reading and looking at it. */
  private static final int STEP = 1 << 18;

  /** Direct reads want this of offset, length and address; more than any disk's block is. */
  private static final int ALIGNMENT = 4096;

  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(STEP).asReadOnlyBuffer();

  private final FileSource memory;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(STEP + ALIGNMENT).alignedSlice(ALIGNMENT).slice(0, STEP);
  private final @Nullable FileChannel direct;

  MemoryPages(Path file, FileSource memory) {
    this.memory = memory;
    this.direct = direct(file);
  }

  private static @Nullable FileChannel direct(Path file) {
    try {
      return FileChannel.open(file, StandardOpenOption.READ, ExtendedOpenOption.DIRECT);
    } catch (IOException | UnsupportedOperationException e) {
      return null; // tmpfs before Linux 6.5, and others
    }
  }

  /**
   * Shows all pages.
   *
   * @param blocks which stand in the file one behind the other
   * @param streamAt what to add to a place in the file for the visitor
   */
  void show(List<RamBlock> blocks, long streamAt, PageVisitor visitor, Progress progress)
      throws IOException {
    long at = 0;
    boolean zeros = false;
    for (int block = 0; block < blocks.size(); block++) {
      int pageSize = blocks.get(block).pageSize();
      long start = at;
      long end = start + blocks.get(block).bytes();
      while (at < end) {
        int length = (int) Math.min(STEP, end - at);
        zeros = read(at, length, zeros);
        for (int i = 0; i < length; i += pageSize) {
          long page = (at + i - start) / pageSize;
          if (zeros || isZero(i, pageSize)) {
            visitor.fill(block, page, 0);
          } else {
            visitor.data(block, page, buffer, i, streamAt + at + i);
          }
        }
        at += length;
        progress.at(streamAt + at);
      }
    }
  }

  /** Whether all that was read is zeros. */
  private boolean read(long at, int length, boolean pastTheCache) throws IOException {
    buffer.clear().limit(length);
    if (!(pastTheCache && direct != null && whole(direct, at))) {
      buffer.clear().limit(length);
      memory.read(at, buffer);
    }
    buffer.clear();
    return isZero(0, length);
  }

  /** False where nothing is known: what is missing is then missed by the other way to read. */
  private boolean whole(FileChannel channel, long at) throws IOException {
    try {
      while (buffer.hasRemaining()) {
        int got = channel.read(buffer, at);
        if (got < 0) {
          throw new EOFException(memory.name() + ": became shorter while it was read");
        }
        if (got % ALIGNMENT != 0) {
          return false;
        }
        at += got;
      }
      return true;
    } catch (EOFException e) {
      throw e;
    } catch (IOException e) {
      return false; // a disk whose blocks are longer
    }
  }

  private boolean isZero(int at, int length) {
    return buffer.slice(at, length).mismatch(ZEROS.slice(0, length)) < 0;
  }

  @Override
  public void close() throws IOException {
    if (direct != null) {
      direct.close();
    }
  }
}
