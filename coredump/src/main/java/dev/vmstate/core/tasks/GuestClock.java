package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import java.io.IOException;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What the guest's clock said when it was stopped, to the last tick of its timer. Source: {@code
 * kernel/time/timekeeping.c}, getboottime64.
 *
 * @param boot the wall clock's time when the guest was started, in nanoseconds since 1970
 * @param uptime nanoseconds from then on, time in suspend too
 */
public record GuestClock(long boot, long uptime) {
  private static final long SECOND = 1_000_000_000;

  /** Of a kernel; empty when it has no such clock, or one that contradicts itself. */
  public static Optional<GuestClock> of(KernelObjects objects) throws IOException {
    // 6.17 has one for each timekeeper, the guest's own first; until 6.12 the type has no name.
    OptionalLong all = objects.address("timekeeper_data");
    OptionalLong at = all.isPresent() ? all : objects.address("tk_core");
    if (at.isEmpty() || objects.types().size("timekeeper").isEmpty()) {
      return Optional.empty();
    }
    OptionalLong named = objects.types().offset("tk_data", "timekeeper");
    if (named.isPresent()) {
      return read(objects.at("timekeeper", at.getAsLong() + named.getAsLong()));
    }
    // Behind a sequence counter, whose size is the configuration's; i386 aligns to 4 bytes only.
    for (int before = 4; before <= 128; before *= 2) {
      Optional<GuestClock> clock = read(objects.at("timekeeper", at.getAsLong() + before));
      if (clock.isPresent()) {
        return clock;
      }
    }
    return Optional.empty();
  }

  /** The kernel has the difference of two clocks twice; the two must agree. */
  private static Optional<GuestClock> read(KernelObject keeper) throws IOException {
    long seconds = keeper.signed("wall_to_monotonic.tv_sec");
    long nanos = keeper.signed("wall_to_monotonic.tv_nsec");
    long real = keeper.number("offs_real");
    if (real == 0 || nanos < 0 || nanos >= SECOND || real != -(seconds * SECOND + nanos)) {
      return Optional.empty();
    }
    long sinceBoot = keeper.number("offs_boot");
    long shift = keeper.number("tkr_mono.shift") & 63;
    long now = keeper.number("tkr_mono.base") + (keeper.number("tkr_mono.xtime_nsec") >>> shift);
    return Optional.of(new GuestClock(real - sinceBoot, now + sinceBoot));
  }

  /** The wall clock's time so many nanoseconds after the start. */
  public Instant wall(long sinceBoot) {
    long nanos = boot + sinceBoot;
    return Instant.ofEpochSecond(Math.floorDiv(nanos, SECOND), Math.floorMod(nanos, SECOND));
  }

  /** The wall clock's time when the guest was stopped. */
  public Instant now() {
    return wall(uptime);
  }
}
