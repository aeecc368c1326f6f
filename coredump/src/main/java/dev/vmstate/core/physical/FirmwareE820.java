package dev.vmstate.core.physical;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The memory map SeaBIOS answers INT 15h E820 from. It lies in the BIOS segment, which is the same
 * RAM whatever stands above 1 MiB.
 *
 * <pre>
 * Entry ::= u64 start, u64 bytes, u32 type (1 RAM, 2 reserved, …)
 * </pre>
 *
 * <p>Little-endian, ascending. Source: SeaBIOS, {@code src/e820map.c} (e820_list, VARFSEG).
 */
final class FirmwareE820 {
  private static final int SEGMENT = 0xe0000;
  private static final int SEGMENT_BYTES = 0x20000;
  private static final int ENTRY = 20;

  /** BUILD_MAX_E820. */
  private static final int MOST = 32;

  private static final int RAM = 1;
  private static final int LAST_TYPE = 12;
  private static final long MIB = 1L << 20;
  private static final long FOUR_GIB = 4L << 30;

  private record Entry(long start, long bytes, int type) {
    long end() {
      return start + bytes;
    }
  }

  private final List<Entry> entries;

  private FirmwareE820(List<Entry> entries) {
    this.entries = entries;
  }

  /** The one in {@code memory}, if its firmware is SeaBIOS and has come that far. */
  static Optional<FirmwareE820> in(GuestMemory memory) throws IOException {
    Optional<MemoryMap.Range> first = memory.map().at(0);
    if (first.isEmpty()
        || first.get().offset() != 0
        || memory.map().blocks().get(first.get().block()).bytes() < MIB) {
      return Optional.empty();
    }
    ByteBuffer bytes = ByteBuffer.allocate(SEGMENT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    memory.readBlock(first.get().block(), SEGMENT, bytes);
    for (int at = 0; at + 3 * ENTRY <= SEGMENT_BYTES; at += 4) {
      // RAM from 0 to the extended BIOS data area
      if (bytes.getLong(at) == 0
          && bytes.getInt(at + 16) == RAM
          && bytes.getLong(at + 8) > 0x80000
          && bytes.getLong(at + 8) <= 0xa0000) {
        List<Entry> entries = entries(bytes, at);
        if (entries.size() >= 3) {
          return Optional.of(new FirmwareE820(entries));
        }
      }
    }
    return Optional.empty();
  }

  private static List<Entry> entries(ByteBuffer bytes, int from) {
    List<Entry> entries = new ArrayList<>();
    long end = 0;
    for (int at = from; at + ENTRY <= SEGMENT_BYTES && entries.size() < MOST; at += ENTRY) {
      Entry next = new Entry(bytes.getLong(at), bytes.getLong(at + 8), bytes.getInt(at + 16));
      if (next.start() < end
          || next.bytes() <= 0
          || next.end() < 0
          || next.type() < RAM
          || next.type() > LAST_TYPE) {
        break;
      }
      end = next.end();
      entries.add(next);
    }
    return entries;
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
}
