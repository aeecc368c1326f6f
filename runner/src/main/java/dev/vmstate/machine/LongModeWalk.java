package dev.vmstate.machine;

import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.OptionalLong;

/**
 * From linear to physical addresses by four or five levels of page tables (Intel SDM volume 3,
 * 4.5). KVM_TRANSLATE would do it too, but not on every host and not after every failure.
 */
final class LongModeWalk {
  private static final long PG = 1L << 31;
  private static final long LONG_MODE = 1 << 10;
  private static final long LA57 = 1 << 12;
  private static final long PRESENT = 1;
  private static final long PAGE_SIZE = 1 << 7;
  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

  private LongModeWalk() {}

  /** Where a linear address is; empty when it is mapped nowhere, or by 32-bit page tables. */
  static OptionalLong physical(StateValue sregs, long linear, PhysicalRam ram) throws IOException {
    if ((sregs.get("cr0") & PG) == 0) {
      return OptionalLong.of(linear);
    }
    if ((sregs.get("efer") & LONG_MODE) == 0) {
      return OptionalLong.empty();
    }
    long table = sregs.get("cr3") & ADDRESS;
    int levels = (sregs.get("cr4") & LA57) != 0 ? 5 : 4;
    for (int level = levels; level > 0; level--) {
      int shift = 12 + 9 * (level - 1);
      long at = table + (linear >>> shift & 0x1ff) * 8;
      if (!ram.has(at, 8)) {
        return OptionalLong.empty();
      }
      ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      ram.read(at, bytes);
      long entry = bytes.getLong(0);
      if ((entry & PRESENT) == 0) {
        return OptionalLong.empty();
      }
      table = entry & ADDRESS;
      if (level == 1 || level <= 3 && (entry & PAGE_SIZE) != 0) {
        long inside = (1L << shift) - 1;
        return OptionalLong.of(table & ~inside | linear & inside);
      }
    }
    return OptionalLong.empty();
  }
}
