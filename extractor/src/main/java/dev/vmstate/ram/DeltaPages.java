package dev.vmstate.ram;

import dev.vmstate.memory.RamBlock;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Pages whose bytes stand nowhere in the stream, because it has only deltas for them (XBZRLE). They
 * are kept in a scratch file in which every page of RAM has its place, so a page that changes ten
 * times is there once; pages that never came as a delta are holes. The file has no name any more
 * once it is open: whatever ends the program, nothing is left.
 */
final class DeltaPages implements Closeable {
  /** For large temporary files, while /tmp may be memory (Filesystem Hierarchy Standard, 5.15). */
  private static final Path LARGE_FILES = Path.of("/var/tmp");

  private final long[] start;
  private @Nullable FileChannel file;

  DeltaPages(List<RamBlock> blocks) {
    start = new long[blocks.size()];
    long at = 0;
    for (int i = 0; i < start.length; i++) {
      start[i] = at;
      at += blocks.get(i).bytes();
    }
  }

  /** Keeps a page; what was kept of it before is gone. */
  void write(int block, long page, byte[] bytes) throws IOException {
    FileChannel out = file;
    if (out == null) {
      out = scratch();
      file = out;
    }
    ByteBuffer from = ByteBuffer.wrap(bytes);
    long at = start[block] + page * bytes.length;
    while (from.hasRemaining()) {
      at += out.write(from, at);
    }
  }

  /** Fills {@code into} with bytes of a block, all of which must have been kept. */
  void read(int block, long offset, ByteBuffer into) throws IOException {
    FileChannel in = file;
    long at = start[block] + offset;
    while (into.hasRemaining()) {
      int got = in == null ? -1 : in.read(into, at);
      if (got < 0) {
        throw new EOFException("the scratch file of XBZRLE pages ends at 0x%x".formatted(at));
      }
      at += got;
    }
  }

  private static FileChannel scratch() throws IOException {
    Path file =
        Files.isWritable(LARGE_FILES)
            ? Files.createTempFile(LARGE_FILES, "vmstate-xbzrle-", ".pages")
            : Files.createTempFile("vmstate-xbzrle-", ".pages");
    try {
      return FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } finally {
      Files.delete(file);
    }
  }

  @Override
  public void close() throws IOException {
    if (file != null) {
      file.close();
    }
  }
}
