package dev.vmstate.memory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * What the CPU sees at each guest-physical address: ranges in ascending order that do not overlap.
 * A block byte may stand at several addresses (the BIOS below 1 MiB is the end of {@code pc.bios}).
 */
public final class MemoryMap {
  /**
   * One contiguous piece.
   *
   * @param start first guest-physical address
   * @param bytes length
   * @param block index in {@link MemoryMap#blocks()}
   * @param offset of {@code start} inside the block
   */
  public record Range(long start, long bytes, int block, long offset) {
    /** First address after the range. */
    public long end() {
      return start + bytes;
    }
  }

  private final List<RamBlock> blocks;
  private final List<Range> ranges;
  private final List<String> reasons;
  private final Optional<MemorySplit> split;

  /**
   * @param blocks all blocks, in stream order
   * @param ranges in any order; must not overlap
   * @param reasons what was decided and why, for people
   */
  public MemoryMap(List<RamBlock> blocks, List<Range> ranges, List<String> reasons) {
    this(blocks, ranges, reasons, Optional.empty());
  }

  /** {@code split}: where main memory is split, if that had to be decided. */
  public MemoryMap(
      List<RamBlock> blocks,
      List<Range> ranges,
      List<String> reasons,
      Optional<MemorySplit> split) {
    this.blocks = List.copyOf(blocks);
    this.ranges = merged(ranges);
    this.reasons = List.copyOf(reasons);
    this.split = split;
  }

  private static List<Range> merged(List<Range> ranges) {
    List<Range> sorted = new ArrayList<>(ranges);
    sorted.sort(Comparator.comparingLong(Range::start));
    List<Range> result = new ArrayList<>();
    for (Range next : sorted) {
      Range last = result.isEmpty() ? null : result.get(result.size() - 1);
      if (last != null && Long.compareUnsigned(next.start(), last.end()) < 0) {
        throw new IllegalArgumentException("ranges overlap: " + last + ", " + next);
      }
      if (last != null
          && last.end() == next.start()
          && last.block() == next.block()
          && last.offset() + last.bytes() == next.offset()) {
        result.set(
            result.size() - 1,
            new Range(last.start(), last.bytes() + next.bytes(), last.block(), last.offset()));
      } else {
        result.add(next);
      }
    }
    return List.copyOf(result);
  }

  /** All RAM blocks in stream order, mapped or not. */
  public List<RamBlock> blocks() {
    return blocks;
  }

  /** The mapped ranges by ascending address. */
  public List<Range> ranges() {
    return ranges;
  }

  /** What was decided and why. */
  public List<String> reasons() {
    return reasons;
  }

  /** Where main memory is split and who says so; empty where addresses were saved. */
  public Optional<MemorySplit> split() {
    return split;
  }

  /** The same map with more to say. */
  public MemoryMap because(List<String> more) {
    List<String> all = new ArrayList<>(reasons);
    all.addAll(more);
    return new MemoryMap(blocks, ranges, all, split);
  }

  /** The same map, with what one more source says of the split; its reason follows. */
  public MemoryMap and(MemorySplit.Evidence more) {
    if (split.isEmpty()) {
      return this;
    }
    MemorySplit now = split.get().and(more);
    List<String> all = new ArrayList<>(reasons);
    all.replaceAll(r -> r.equals(split.get().reason()) ? now.reason() : r);
    return new MemoryMap(blocks, ranges, all, Optional.of(now));
  }

  /** The range that holds {@code address}. */
  public Optional<Range> at(long address) {
    int low = 0;
    int high = ranges.size() - 1;
    while (low <= high) {
      int mid = (low + high) >>> 1;
      Range range = ranges.get(mid);
      if (Long.compareUnsigned(address, range.start()) < 0) {
        high = mid - 1;
      } else if (Long.compareUnsigned(address, range.end()) >= 0) {
        low = mid + 1;
      } else {
        return Optional.of(range);
      }
    }
    return Optional.empty();
  }

  /**
   * The index of the first range that ends behind {@code address}, or the number of ranges.
   * Physical addresses have at most 52 bits: they compare as signed.
   */
  public int firstEndingAfter(long address) {
    int low = 0;
    int high = ranges.size();
    while (low < high) {
      int mid = (low + high) >>> 1;
      if (ranges.get(mid).end() <= address) {
        low = mid + 1;
      } else {
        high = mid;
      }
    }
    return low;
  }
}
