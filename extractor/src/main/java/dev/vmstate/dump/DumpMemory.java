package dev.vmstate.dump;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The memory of a dump. A dump says what stands at which physical address, but not what it is: main
 * memory, a ROM and a graphics card's memory look alike, and two of them may touch. So there is a
 * block for each contiguous range of addresses, named after where it stands.
 */
public final class DumpMemory implements GuestMemory {
  /** How the bytes are read, whatever the kind of dump. */
  interface Pages {
    /** Fills {@code into} from {@code address} on; what the dump does not hold is zero. */
    void read(long address, ByteBuffer into) throws IOException;

    /** Whether the dump holds bytes of the page at {@code address}. */
    boolean holds(long address) throws IOException;
  }

  /** More ranges than any machine has; a damaged bitmap has millions. */
  private static final int MAX_RANGES = 1 << 16;

  /** Nothing real is larger. */
  private static final long MAX_RAM = 1L << 46;

  private static final int CHUNK = 1 << 17;

  private final MemoryMap map;
  private final Pages pages;
  private final int pageSize;

  private DumpMemory(MemoryMap map, Pages pages, int pageSize) {
    this.map = map;
    this.pages = pages;
    this.pageSize = pageSize;
  }

  /** Ranges of addresses on their way to a memory map. Those that touch are one. */
  static final class Ranges {
    private final String name;
    private final List<Long> starts = new ArrayList<>();
    private final List<Long> ends = new ArrayList<>();

    /** {@code name}: the file's, for errors. */
    Ranges(String name) {
      this.name = name;
    }

    /** Adds a range that starts behind where the ones before it start. */
    void add(long start, long end) throws FormatException {
      int last = ends.size() - 1;
      if (last >= 0 && ends.get(last) >= start) {
        ends.set(last, Math.max(ends.get(last), end));
        return;
      }
      if (starts.size() == MAX_RANGES) {
        throw new UnsupportedFormatException(
            name, 0, "more than 65536 ranges of memory: is it damaged?");
      }
      starts.add(start);
      ends.add(end);
    }

    /**
     * A memory of these ranges.
     *
     * @param reason how they were found
     */
    DumpMemory memory(int pageSize, String reason, Pages pages) throws FormatException {
      List<RamBlock> blocks = new ArrayList<>();
      List<MemoryMap.Range> mapped = new ArrayList<>();
      long total = 0;
      for (int i = 0; i < starts.size(); i++) {
        long start = starts.get(i);
        long bytes = ends.get(i) - start;
        mapped.add(new MemoryMap.Range(start, bytes, i, 0));
        blocks.add(new RamBlock("physical@0x" + Long.toHexString(start), bytes, pageSize));
        total += bytes;
        if (total > MAX_RAM) {
          throw new UnsupportedFormatException(
              name, 0, "more than 64 TiB of memory: is it damaged?");
        }
      }
      if (blocks.isEmpty()) {
        throw new FormatException(name, 0, "the dump holds no memory");
      }
      return new DumpMemory(new MemoryMap(blocks, mapped, List.of(reason)), pages, pageSize);
    }
  }

  @Override
  public MemoryMap map() {
    return map;
  }

  @Override
  public void readBlock(int block, long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, (long) into.remaining(), map.blocks().get(block).bytes());
    pages.read(map.ranges().get(block).start() + offset, into);
  }

  /** Shows every page the dump holds, in the order of addresses, none with a place in a stream. */
  public void scan(PageVisitor visitor, Progress progress) throws IOException {
    long total = map.blocks().stream().mapToLong(RamBlock::bytes).sum();
    progress.start("reading", total);
    int chunkBytes = Math.max(CHUNK, pageSize);
    ByteBuffer chunk = ByteBuffer.allocate(chunkBytes);
    byte[] zeros = new byte[pageSize];
    long done = 0;
    for (MemoryMap.Range range : map.ranges()) {
      for (long at = 0; at < range.bytes(); at += chunkBytes) {
        int length = (int) Math.min(chunkBytes, range.bytes() - at);
        chunk.clear().limit(length);
        pages.read(range.start() + at, chunk);
        chunk.clear();
        if (length % pageSize != 0) {
          chunk.put(length, zeros, 0, pageSize - length % pageSize); // a last partial page
        }
        for (int i = 0; i < length; i += pageSize) {
          long address = range.start() + at + i;
          if (pages.holds(address)) {
            show(visitor, range.block(), (at + i) / pageSize, chunk, i, zeros);
          }
        }
        done += length;
        progress.at(done);
      }
    }
  }

  private void show(
      PageVisitor visitor, int block, long page, ByteBuffer chunk, int at, byte[] zeros)
      throws IOException {
    if (chunk.slice(at, pageSize).mismatch(ByteBuffer.wrap(zeros)) < 0) {
      visitor.fill(block, page, 0);
    } else {
      visitor.data(block, page, chunk, at, -1);
    }
  }
}
