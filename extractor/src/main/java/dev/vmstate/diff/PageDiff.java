package dev.vmstate.diff;

import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import java.util.BitSet;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.OptionalLong;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * The pages of one RAM block whose contents differ: a bit per page, turned into ranges only while
 * somebody looks.
 */
public final class PageDiff {
  private final RamBlock block;
  private final int index;
  private final BitSet pages;
  private final MemoryMap map;

  /**
   * @param index of the block in {@code map}
   * @param pages bit n for page n
   */
  PageDiff(RamBlock block, int index, BitSet pages, MemoryMap map) {
    this.block = block;
    this.index = index;
    this.pages = pages;
    this.map = map;
  }

  /** The block, as the first snapshot has it. */
  public RamBlock block() {
    return block;
  }

  /** How many pages differ. */
  public long count() {
    return pages.cardinality();
  }

  /** Whether a page differs. */
  public boolean contains(long page) {
    return page <= Integer.MAX_VALUE && pages.get((int) page);
  }

  /** The same block's pages that differ here and not in {@code other}. */
  public PageDiff without(PageDiff other) {
    BitSet left = (BitSet) pages.clone();
    left.andNot(other.pages);
    return new PageDiff(block, index, left, map);
  }

  /** The same pages without one. */
  public PageDiff without(long page) {
    BitSet left = (BitSet) pages.clone();
    left.clear(Math.toIntExact(page));
    return new PageDiff(block, index, left, map);
  }

  /** The differing pages as ranges, ascending; a range ends where its guest-physical range does. */
  public Stream<PageRange> ranges() {
    Iterator<PageRange> iterator = new Ranges();
    return StreamSupport.stream(
        Spliterators.spliteratorUnknownSize(
            iterator, Spliterator.ORDERED | Spliterator.NONNULL | Spliterator.IMMUTABLE),
        false);
  }

  private final class Ranges implements Iterator<PageRange> {
    private int next = pages.nextSetBit(0);

    @Override
    public boolean hasNext() {
      return next >= 0;
    }

    @Override
    public PageRange next() {
      if (next < 0) {
        throw new NoSuchElementException();
      }
      long offset = (long) next * block.pageSize();
      long end = Math.min((long) pages.nextClearBit(next) * block.pageSize(), block.bytes());
      OptionalLong physical = OptionalLong.empty();
      for (MemoryMap.Range range : map.ranges()) {
        if (range.block() != index) {
          continue;
        }
        long first = range.offset();
        long last = range.offset() + range.bytes();
        if (offset >= first && offset < last) {
          physical = OptionalLong.of(range.start() + (offset - first));
          end = Math.min(end, pageUp(last));
          break;
        }
        if (first > offset) {
          end = Math.min(end, pageUp(first));
        }
      }
      next = pages.nextSetBit((int) ((end + block.pageSize() - 1) / block.pageSize()));
      return new PageRange(block.name(), offset, end - offset, physical);
    }

    private long pageUp(long offset) {
      return (offset + block.pageSize() - 1) / block.pageSize() * block.pageSize();
    }
  }
}
