package dev.vmstate.memory;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The sizes of NUMA nodes, out of the ACPI tables QEMU hands to the firmware (RAM block {@value
 * #BLOCK}).
 *
 * <pre>
 * SRAT   ::= "SRAT" u32 length …, entries from byte 48 on
 * entry  ::= u8 type, u8 length, …
 * type 1 ::= u8 1, u8 40, u32 node, u16, u64 base, u64 length, u32, u32 flags (1 enabled, 2 hotplug)
 * </pre>
 *
 * <p>Little-endian. Source: ACPI 6.5, 5.2.16; {@code hw/i386/acpi-build.c}, build_srat, which cuts
 * the VGA hole out of the node that has it.
 */
final class Srat {
  /** The block that holds the tables. */
  static final String BLOCK = "/rom@etc/acpi/tables";

  private static final int SIGNATURE = 0x54415253;
  private static final int HEADER = 48;
  private static final int MEMORY_AFFINITY = 1;
  private static final int MEMORY_AFFINITY_BYTES = 40;
  private static final long HOLE_START = 0xa0000;
  private static final long HOLE_END = 0x100000;

  private Srat() {}

  /** Bytes of memory of each node, in the order of their numbers; empty without an SRAT. */
  static List<Long> nodes(byte[] tables) {
    ByteBuffer in = ByteBuffer.wrap(tables).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at + HEADER <= tables.length; at++) {
      if (in.getInt(at) == SIGNATURE) {
        int length = in.getInt(at + 4);
        if (length >= HEADER && length <= tables.length - at) {
          return nodes(in.slice(at, length).order(ByteOrder.LITTLE_ENDIAN));
        }
      }
    }
    return List.of();
  }

  private static List<Long> nodes(ByteBuffer srat) {
    Map<Integer, Long> sizes = new TreeMap<>();
    Map<Integer, Boolean> endsAtHole = new TreeMap<>();
    for (int at = HEADER; at + 2 <= srat.capacity(); ) {
      int type = srat.get(at);
      int length = srat.get(at + 1) & 0xff;
      if (length < 2 || length > srat.capacity() - at) {
        return List.of();
      }
      if (type == MEMORY_AFFINITY && length == MEMORY_AFFINITY_BYTES) {
        int node = srat.getInt(at + 2);
        long base = srat.getLong(at + 8);
        long bytes = srat.getLong(at + 16);
        boolean plainMemory = (srat.getInt(at + 28) & 3) == 1;
        if (plainMemory && bytes > 0) {
          long hole = 0;
          if (base == HOLE_END && endsAtHole.getOrDefault(node, false)) {
            hole = HOLE_END - HOLE_START;
          }
          endsAtHole.merge(node, base + bytes == HOLE_START, Boolean::logicalOr);
          sizes.merge(node, bytes + hole, Long::sum);
        }
      }
      at += length;
    }
    return new ArrayList<>(sizes.values());
  }
}
