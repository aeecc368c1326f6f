package dev.vmstate.exchange;

import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Puts pages into a flat file at their guest-physical addresses, wherever the memory map has them:
 * a page with two addresses twice, one with none nowhere. What is no RAM, and pages of zeros, stay
 * holes.
 */
final class RawMemory implements PageVisitor, Closeable {
  /** A range and its number. */
  private record Place(int number, MemoryMap.Range range) {
    /** Ranges of a block with several of them start and end at its pages. */
    boolean holds(long at) {
      return at >= range.offset() && at < range.offset() + range.bytes();
    }
  }

  private final List<List<Place>> byBlock = new ArrayList<>();
  private final List<MemoryMap.Range> ranges;
  private final int pageSize;
  private final OutputFile file;
  private final PageWriter writer;

  RawMemory(MemoryMap map, int pageSize, OutputFile file) throws IOException {
    this.ranges = map.ranges();
    this.pageSize = pageSize;
    this.file = file;
    map.blocks().forEach(block -> byBlock.add(new ArrayList<>()));
    List<RamBlock> places = new ArrayList<>();
    for (MemoryMap.Range range : ranges) {
      byBlock.get(range.block()).add(new Place(places.size(), range));
      places.add(new RamBlock(Long.toHexString(range.start()), range.bytes(), pageSize));
    }
    this.writer =
        new PageWriter(
            places, pageSize, file, (range, offset) -> ranges.get(range).start() + offset);
  }

  @Override
  public void data(int block, long page, ByteBuffer bytes, int at, long offset) throws IOException {
    for (Place place : byBlock.get(block)) {
      if (place.holds(page * pageSize)) {
        writer.data(place.number(), pageIn(place, page), bytes, at, offset);
      }
    }
  }

  @Override
  public void fill(int block, long page, int value) throws IOException {
    for (Place place : byBlock.get(block)) {
      if (place.holds(page * pageSize)) {
        writer.fill(place.number(), pageIn(place, page), value);
      }
    }
  }

  private long pageIn(Place place, long page) {
    return page - place.range().offset() / pageSize;
  }

  /** Waits until every page is in the file, and gives it its length: up to the last RAM. */
  void finish() throws IOException {
    writer.finish();
    long end = ranges.get(ranges.size() - 1).end();
    if (file.channel().size() < end) {
      file.write(ByteBuffer.allocate(1), end - 1);
    }
    file.channel().truncate(end);
  }

  @Override
  public void close() throws IOException {
    writer.close();
  }
}
