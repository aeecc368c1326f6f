package dev.vmstate.memory;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * Memory as the ACPI table SRAT has it, which QEMU hands to the firmware (RAM block {@value
 * #BLOCK}); there is one when the guest has NUMA nodes or slots for DIMMs. The guest cannot write
 * it.
 *
 * <pre>
 * SRAT   ::= "SRAT" u32 length …, entries from byte 48 on
 * entry  ::= u8 type, u8 length, …
 * type 1 ::= u8 1, u8 40, u32 node, u16, u64 base, u64 length, u32,
 *            u32 flags (1 enabled, 2 hotplug, 4 non-volatile)
 * </pre>
 *
 * <p>Little-endian. Source: ACPI 6.5, 5.2.16; {@code hw/i386/acpi-build.c}, build_srat, which cuts
 * the VGA hole and the one below 4 GiB out of the node that has it, and puts everything DIMMs can
 * be plugged into in one hotplug entry; {@code hw/acpi/nvdimm.c}, nvdimm_build_srat.
 */
final class Srat {
  /** The block that holds the tables. */
  static final String BLOCK = "/rom@etc/acpi/tables";

  private static final int SIGNATURE = 0x54415253;
  private static final int HEADER = 48;
  private static final int MEMORY_AFFINITY = 1;
  private static final int MEMORY_AFFINITY_BYTES = 40;
  private static final int ENABLED = 1;
  private static final int HOTPLUG = 2;
  private static final int NON_VOLATILE = 4;
  private static final long HOLE_START = 0xa0000;
  private static final long HOLE_END = 0x100000;

  /** A stretch of guest-physical memory. */
  record Stretch(int node, long base, long bytes) {
    long end() {
      return base + bytes;
    }
  }

  private final List<Stretch> plain = new ArrayList<>();
  private final List<Stretch> hotplug = new ArrayList<>();
  private final List<Stretch> nonVolatile = new ArrayList<>();

  private Srat() {}

  /** The first SRAT in {@code tables}; empty without one, or with one that is malformed. */
  static Optional<Srat> in(byte[] tables) {
    ByteBuffer in = ByteBuffer.wrap(tables).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at + HEADER <= tables.length; at++) {
      if (in.getInt(at) == SIGNATURE) {
        int length = in.getInt(at + 4);
        if (length >= HEADER && length <= tables.length - at) {
          return decode(in.slice(at, length).order(ByteOrder.LITTLE_ENDIAN));
        }
      }
    }
    return Optional.empty();
  }

  private static Optional<Srat> decode(ByteBuffer table) {
    Srat srat = new Srat();
    for (int at = HEADER; at + 2 <= table.capacity(); ) {
      int type = table.get(at);
      int length = table.get(at + 1) & 0xff;
      if (length < 2 || length > table.capacity() - at) {
        return Optional.empty();
      }
      if (type == MEMORY_AFFINITY && length == MEMORY_AFFINITY_BYTES) {
        long base = table.getLong(at + 8);
        long bytes = table.getLong(at + 16);
        int flags = table.getInt(at + 28) & (ENABLED | HOTPLUG | NON_VOLATILE);
        if (bytes > 0 && base >= 0 && base + bytes > 0) {
          Stretch stretch = new Stretch(table.getInt(at + 2), base, bytes);
          switch (flags) {
            case ENABLED -> srat.plain.add(stretch);
            case ENABLED | HOTPLUG -> srat.hotplug.add(stretch);
            case ENABLED | NON_VOLATILE -> srat.nonVolatile.add(stretch);
            default -> {}
          }
        }
      }
      at += length;
    }
    return Optional.of(srat);
  }

  /** Bytes of memory of each node, in the order of their numbers. */
  List<Long> nodes() {
    Map<Integer, Long> sizes = new TreeMap<>();
    Map<Integer, Boolean> endsAtHole = new TreeMap<>();
    for (Stretch s : plain) {
      boolean over = s.base() == HOLE_END && endsAtHole.getOrDefault(s.node(), false);
      endsAtHole.merge(s.node(), s.end() == HOLE_START, Boolean::logicalOr);
      sizes.merge(s.node(), s.bytes() + (over ? HOLE_END - HOLE_START : 0), Long::sum);
    }
    return new ArrayList<>(sizes.values());
  }

  /** Where {@code total} bytes of main memory are split; empty when the table does not add up. */
  OptionalLong below4g(long total) {
    if (nodes().stream().mapToLong(Long::longValue).sum() != total) {
      return OptionalLong.empty();
    }
    return plain.stream()
        .filter(s -> s.base() < MemorySplit.FOUR_GIB)
        .mapToLong(Stretch::end)
        .max();
  }

  /** Where memory goes on behind 4 GiB, if it does. */
  Optional<Long> above4gStart(long total) {
    if (below4g(total).isEmpty()) {
      return Optional.empty();
    }
    return plain.stream()
        .map(Stretch::base)
        .filter(b -> b >= MemorySplit.FOUR_GIB)
        .sorted()
        .findFirst();
  }

  /** The first address a DIMM can have. */
  OptionalLong hotplugBase() {
    return hotplug.stream().mapToLong(Stretch::base).min();
  }

  /** NVDIMMs that were there when the guest started: without the label area at their end. */
  List<Stretch> nonVolatile() {
    return List.copyOf(nonVolatile);
  }
}
