package dev.vmstate.core.physical;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The memory map SeaBIOS answers INT 15h E820 from. It lies in the BIOS segment, which is the same
 * RAM whatever stands above 1 MiB.
 *
 * <p>Source: SeaBIOS, {@code src/e820map.c} (e820_list, VARFSEG).
 */
final class FirmwareE820 {
  private static final int SEGMENT = 0xe0000;
  private static final int SEGMENT_BYTES = 0x20000;

  /** BUILD_MAX_E820. */
  private static final int MOST = 32;

  private static final int LAST_TYPE = 12;
  private static final long MIB = 1L << 20;

  private FirmwareE820() {}

  /** The one in {@code memory}, if its firmware is SeaBIOS and has come that far. */
  static Optional<E820> in(GuestMemory memory) throws IOException {
    Optional<MemoryMap.Range> first = memory.map().at(0);
    if (first.isEmpty()
        || first.get().offset() != 0
        || memory.map().blocks().get(first.get().block()).bytes() < MIB) {
      return Optional.empty();
    }
    ByteBuffer bytes = ByteBuffer.allocate(SEGMENT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    memory.readBlock(first.get().block(), SEGMENT, bytes);
    for (int at = 0; at + 3 * E820.ENTRY <= SEGMENT_BYTES; at += 4) {
      // RAM from 0 to the extended BIOS data area
      if (bytes.getLong(at) == 0
          && bytes.getInt(at + 16) == E820.RAM
          && bytes.getLong(at + 8) > 0x80000
          && bytes.getLong(at + 8) <= 0xa0000) {
        List<E820.Entry> entries = entries(bytes, at);
        if (entries.size() >= 3) {
          return Optional.of(new E820(entries));
        }
      }
    }
    return Optional.empty();
  }

  private static List<E820.Entry> entries(ByteBuffer bytes, int from) {
    List<E820.Entry> entries = new ArrayList<>();
    long end = 0;
    for (int at = from; at + E820.ENTRY <= SEGMENT_BYTES && entries.size() < MOST; ) {
      E820.Entry next = E820.Entry.at(bytes, at);
      if (!next.follows(end) || next.type() < E820.RAM || next.type() > LAST_TYPE) {
        break;
      }
      end = next.end();
      entries.add(next);
      at += E820.ENTRY;
    }
    return entries;
  }
}
