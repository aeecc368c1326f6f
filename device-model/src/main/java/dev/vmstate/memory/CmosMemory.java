package dev.vmstate.memory;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The size of main memory as CMOS has it, which QEMU fills in before the guest starts.
 *
 * <pre>
 * 0x30/0x31  KiB above 1 MiB, at most 65535
 * 0x34/0x35  64 KiB units between 16 MiB and 4 GiB
 * 0x5b-0x5d  64 KiB units from 4 GiB on
 * </pre>
 *
 * <p>Little-endian, rounded down. Source: {@code hw/i386/pc.c}, pc_cmos_init; {@code microvm.c},
 * microvm_set_rtc. The guest may write all of it: what does not add up is not believed.
 *
 * @param low bytes below 4 GiB
 * @param high bytes from 4 GiB on
 */
record CmosMemory(long low, long high) {
  /** CMOS counts in these. */
  static final long UNIT = 1 << 16;

  private static final long MIB = 1L << 20;
  private static final long PAGE = 4096;
  private static final int BYTES = 128;

  /** What {@code devices} have; empty without an RTC. */
  static Optional<CmosMemory> of(List<DeviceSection> devices) throws IOException {
    for (DeviceSection device : devices) {
      if (device.name().equals("mc146818rtc") && !device.root().children().isEmpty()) {
        Field first = device.root().children().get(0);
        if (first.name().equals("cmos_data") && first.span().length() == BYTES) {
          byte[] data = device.bytes(first);
          long low = 16 * MIB + UNIT * word(data, 0x34);
          long high = UNIT * (word(data, 0x5b) | (data[0x5d] & 0xffL) << 16);
          if (word(data, 0x34) == 0) {
            low = MIB + 1024L * word(data, 0x30);
          }
          return Optional.of(new CmosMemory(low, high));
        }
      }
    }
    return Optional.empty();
  }

  private static int word(byte[] data, int at) {
    return data[at] & 0xff | (data[at + 1] & 0xff) << 8;
  }

  /** Sum of both, rounded down like them. */
  long bytes() {
    return low + high;
  }

  /** Whether {@code total} bytes, split somewhere, could have been written down like this. */
  boolean fits(long total) {
    long rest = total - low - high;
    return rest >= 0 && rest < (high == 0 ? UNIT : 2 * UNIT);
  }

  /** Whether a split at {@code below} would have been written down like this. */
  boolean says(long below, long total) {
    return below - low >= 0
        && below - low < UNIT
        && total - below - high >= 0
        && total - below - high < UNIT;
  }

  /**
   * The split in bytes, which CMOS tells to 64 KiB only: the first of {@code exact} that rounds to
   * it, else what it says itself.
   */
  OptionalLong below(long total, long... exact) {
    if (!fits(total)) {
      return OptionalLong.empty();
    }
    for (long below : exact) {
      if (says(below, total)) {
        return OptionalLong.of(below);
      }
    }
    if (high == 0) {
      return OptionalLong.of(total);
    }
    // Both halves lost less than a unit: of the pages that are left the last, if no whole unit is.
    boolean whole = total - low - high < UNIT;
    return OptionalLong.of(whole ? low : Math.min(low + UNIT, total - high) - 1 & -PAGE);
  }
}
