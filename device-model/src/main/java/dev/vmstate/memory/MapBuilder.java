package dev.vmstate.memory;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Collects ranges; what was placed first hides what comes later. */
final class MapBuilder {
  private final List<RamBlock> blocks;
  private final NavigableMap<Long, MemoryMap.Range> ranges = new TreeMap<>();
  private final List<String> reasons = new ArrayList<>();
  private final Set<Integer> placed = new HashSet<>();

  MapBuilder(List<RamBlock> blocks) {
    this.blocks = blocks;
  }

  List<RamBlock> blocks() {
    return blocks;
  }

  /** The block of that name, or -1. */
  int find(String name) {
    for (int i = 0; i < blocks.size(); i++) {
      if (blocks.get(i).name().equals(name)) {
        return i;
      }
    }
    return -1;
  }

  void because(String reason) {
    reasons.add(reason);
  }

  /** Says of a block that it is dealt with, visible or not. */
  void placed(int block) {
    placed.add(block);
  }

  /** The last of what stands in {@code start} to {@code start + bytes}. */
  Optional<MemoryMap.Range> at(long start, long bytes) {
    Map.Entry<Long, MemoryMap.Range> last = ranges.lowerEntry(start + bytes);
    return last == null || last.getValue().end() <= start
        ? Optional.empty()
        : Optional.of(last.getValue());
  }

  /** Adds a range unless something already stands there. */
  void add(int block, long start, long offset, long bytes) {
    if (bytes <= 0 || start < 0 || start + bytes < 0) {
      return;
    }
    Optional<MemoryMap.Range> there = at(start, bytes);
    if (there.isPresent()) {
      if (bytes > 0x1000) {
        String other = blocks.get(there.get().block()).name();
        reasons.add("%s at 0x%x: hidden by %s".formatted(blocks.get(block).name(), start, other));
      }
      return;
    }
    placed.add(block);
    ranges.put(start, new MemoryMap.Range(start, bytes, block, offset));
  }

  /** Adds, page by page, what nothing hides. */
  void fill(int block, long start, long offset, long bytes) {
    for (long at = 0; at < bytes; at += 0x1000) {
      add(block, start + at, offset + at, Math.min(0x1000, bytes - at));
    }
  }

  MemoryMap build(MemorySplit split) {
    for (int i = 0; i < blocks.size(); i++) {
      if (!placed.contains(i)) {
        String name = blocks.get(i).name();
        boolean rom = name.startsWith("/rom@") || name.endsWith("rom") || name.contains("vram");
        reasons.add(
            name + (rom ? ": the CPU does not see it" : ": not placed, its address is not known"));
      }
    }
    return new MemoryMap(blocks, List.copyOf(ranges.values()), reasons, Optional.of(split));
  }
}
