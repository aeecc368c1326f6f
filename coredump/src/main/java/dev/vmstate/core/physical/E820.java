package dev.vmstate.core.physical;

import dev.vmstate.memory.MemorySplit;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The memory map firmware gives an operating system.
 *
 * <pre>
 * Entry ::= u64 start, u64 bytes, u32 type (1 RAM, 2 reserved, …)
 * </pre>
 *
 * <p>Little-endian, packed. Source: ACPI 6.5, 15.1.
 *
 * @param entries ascending, apart from each other
 */
record E820(List<Entry> entries) {
  /** Bytes of one in memory. */
  static final int ENTRY = 20;

  static final int RAM = 1;
  private static final long MIB = 1L << 20;
  private static final long FOUR_GIB = MemorySplit.FOUR_GIB;

  /** Guest-physical addresses. */
  record Entry(long start, long bytes, int type) {
    static Entry at(ByteBuffer from, int at) {
      return new Entry(from.getLong(at), from.getLong(at + 8), from.getInt(at + 16));
    }

    long end() {
      return start + bytes;
    }

    /** Whether it can stand in a map behind what ends at {@code end}. */
    boolean follows(long end) {
      return start >= end && bytes > 0 && end() > 0;
    }
  }

  E820 {
    entries = List.copyOf(entries);
  }

  /** All of {@code table}, whatever types; empty when they do not ascend. */
  static Optional<E820> of(ByteBuffer table) {
    List<Entry> entries = new ArrayList<>();
    long end = 0;
    for (int at = 0; at + ENTRY <= table.limit(); at += ENTRY) {
      Entry next = Entry.at(table, at);
      if (!next.follows(end)) {
        return Optional.empty();
      }
      end = next.end();
      entries.add(next);
    }
    return Optional.of(new E820(entries));
  }

  /** Where RAM goes on behind 4 GiB. */
  OptionalLong above4gStart() {
    return entries.stream()
        .filter(e -> e.type() == RAM && e.start() >= FOUR_GIB)
        .mapToLong(Entry::start)
        .min();
  }

  /**
   * How much of {@code total} bytes of main memory is below 4 GiB; empty when it does not add up:
   * RAM and what the firmware took of it must end exactly there.
   */
  OptionalLong below4g(long total) {
    long above =
        entries.stream()
            .filter(e -> e.type() == RAM && e.start() >= FOUR_GIB)
            .mapToLong(Entry::bytes)
            .sum();
    long below = total - above;
    long chain = MIB;
    for (Entry entry : entries) {
      if (entry.start() == chain) {
        chain = entry.end();
        if (chain == below) {
          return OptionalLong.of(below);
        }
      }
    }
    return OptionalLong.empty();
  }

  /** Whether main memory is split as this says. */
  boolean agrees(MemorySplit split) {
    OptionalLong start = above4gStart();
    return below4g(split.total()).equals(OptionalLong.of(split.below4g()))
        && (split.above4g() == 0 || start.equals(OptionalLong.of(split.above4gStart())));
  }
}
