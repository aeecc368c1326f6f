package dev.vmstate.core.log;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.OptionalLong;

/**
 * When the guest was booted, by its own clock: CLOCK_REALTIME minus CLOCK_BOOTTIME, which is {@code
 * offs_real - offs_boot} of the timekeeper. Two forms: {@code tk_core}, a sequence count and the
 * timekeeper behind it, and {@code timekeeper_data}, an array of such, in 7.x. Source: {@code
 * kernel/time/timekeeping.c}.
 */
public final class BootClock {
  private static final long SECOND = 1_000_000_000;

  /** How far behind tk_core a timekeeper may begin: a sequence count is 4 bytes, or debugged. */
  private static final int MOST_BEFORE = 128;

  private BootClock() {}

  /**
   * Nanoseconds from 1970 to boot; empty where the kernel does not tell. A snapshot taken while the
   * clock was being set can have none.
   */
  public static OptionalLong boot(KernelObjects objects) throws IOException {
    OptionalLong core = objects.address("tk_core");
    OptionalLong data = core.isPresent() ? core : objects.address("timekeeper_data");
    KernelObject keeper = objects.at("timekeeper", 0);
    if (data.isEmpty() || !keeper.has("offs_real") || !keeper.has("wall_to_monotonic.tv_nsec")) {
      return OptionalLong.empty();
    }
    KernelObject whole = objects.at("tk_data", data.getAsLong());
    try {
      if (whole.has("timekeeper")) {
        return boot(whole.inside("timekeeper", "timekeeper"));
      }
      // The type of tk_core had no name: it is where its two copies of one offset agree.
      for (int at = 0; at <= MOST_BEFORE; at += 4) {
        OptionalLong boot = boot(objects.at("timekeeper", data.getAsLong() + at));
        if (boot.isPresent()) {
          return boot;
        }
      }
    } catch (UnmappedAddressException outside) {
      // no clock then
    }
    return OptionalLong.empty();
  }

  private static OptionalLong boot(KernelObject keeper) throws IOException {
    KernelMemory memory = keeper.objects().memory();
    long real = memory.u64(keeper.at("offs_real"));
    long seconds = memory.u64(keeper.at("wall_to_monotonic.tv_sec"));
    long rest = keeper.signed("wall_to_monotonic.tv_nsec");
    boolean agree = real > 0 && rest >= 0 && rest < SECOND && -real == seconds * SECOND + rest;
    return agree
        ? OptionalLong.of(real - memory.u64(keeper.at("offs_boot")))
        : OptionalLong.empty();
  }
}
