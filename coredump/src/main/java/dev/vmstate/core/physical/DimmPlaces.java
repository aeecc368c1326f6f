package dev.vmstate.core.physical;

import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.MemorySplit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where DIMMs must stand to fill what a kernel maps behind main memory, which Linux does for every
 * DIMM, put online or not ({@code mm/memory_hotplug.c}, arch_add_memory).
 */
final class DimmPlaces {
  /** All orders of so many are tried. */
  private static final int MOST = 8;

  private final MemoryMap map;
  private final List<DirectMap.Stretch> mapped = new ArrayList<>();
  private final List<MemoryMap.Range> dimms = new ArrayList<>();
  private final List<MemoryMap.Range> others = new ArrayList<>();

  /** {@code end}: the first address behind main memory. */
  DimmPlaces(MemoryMap map, long end, DirectMap direct) {
    this.map = map;
    for (MemoryMap.Range range : map.ranges()) {
      String name = map.blocks().get(range.block()).name();
      boolean backend = name.startsWith("/objects/") || !name.contains("/");
      (range.start() >= end && backend ? dimms : others).add(range);
    }
    for (DirectMap.Stretch stretch : direct.stretches()) {
      long at = Math.max(stretch.start(), MemorySplit.FOUR_GIB);
      for (MemoryMap.Range range : others) {
        if (range.start() <= at && at < range.end()) {
          at = range.end();
        }
      }
      if (at < stretch.end()) {
        mapped.add(new DirectMap.Stretch(at, stretch.end()));
      }
    }
  }

  /** RAM of the kernel at which the map has nothing. */
  OptionalLong stranger() {
    for (DirectMap.Stretch stretch : mapped) {
      long at = stretch.start();
      Optional<MemoryMap.Range> range = map.at(at);
      while (range.isPresent() && at < stretch.end()) {
        at = range.get().end();
        range = map.at(at);
      }
      if (at < stretch.end()) {
        return OptionalLong.of(at);
      }
    }
    return OptionalLong.empty();
  }

  /** The first order, that of the map before others, in which all DIMMs fill all of it exactly. */
  Optional<MemoryMap> found() {
    List<MemoryMap.Range> placed = new ArrayList<>();
    if (dimms.size() > MOST
        || mapped.isEmpty()
        || !fill(0, mapped.get(0).start(), new ArrayList<>(dimms), placed)) {
      return Optional.empty();
    }
    placed.addAll(others);
    List<String> reasons = new ArrayList<>(map.reasons());
    reasons.removeIf(r -> r.contains(": assumed, where QEMU puts a DIMM"));
    return Optional.of(new MemoryMap(map.blocks(), placed, reasons, map.split()));
  }

  private boolean fill(
      int stretch, long at, List<MemoryMap.Range> left, List<MemoryMap.Range> placed) {
    if (at == mapped.get(stretch).end()) {
      return stretch + 1 == mapped.size()
          ? left.isEmpty()
          : fill(stretch + 1, mapped.get(stretch + 1).start(), left, placed);
    }
    for (int i = 0; i < left.size(); i++) {
      MemoryMap.Range next = left.get(i);
      if (next.bytes() <= mapped.get(stretch).end() - at) {
        left.remove(i);
        placed.add(new MemoryMap.Range(at, next.bytes(), next.block(), next.offset()));
        if (fill(stretch, at + next.bytes(), left, placed)) {
          return true;
        }
        placed.remove(placed.size() - 1);
        left.add(i, next);
      }
    }
    return false;
  }
}
