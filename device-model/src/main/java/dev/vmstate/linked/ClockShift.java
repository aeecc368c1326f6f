package dev.vmstate.linked;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.math.BigInteger;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Moves a machine's clocks together, as if it had stood still for that long with its clocks going.
 *
 * <pre>
 * timer          cpu_clock_offset  ns of QEMU_CLOCK_VIRTUAL: HPET, ACPI PM timer, PIT, APIC timer
 *                cpu_ticks_offset  the TSC under TCG, in ticks of the host it ran on
 *                qemu_icount_bias  ns, with -icount
 * kvmclock       clock             ns
 * mc146818rtc    base_rtc          seconds since 1970 at last_update, a reading of QEMU's -rtc clock=
 *                next_alarm_time, update_timer   readings of that clock
 *                cmos_data         the time as the guest reads it
 * </pre>
 *
 * <p>Sources: {@code softmmu/cpu-timers.c} (vmstate_timers), {@code hw/i386/kvm/clock.c}, {@code
 * hw/rtc/mc146818rtc.c} (get_guest_rtc_ns: base_rtc + clock - last_update + offset).
 *
 * <p>The TSC moves by as many ticks as the machine has counted a second so far: both offsets count
 * from its start and stop together. A Linux 6.1 guest under TCG whose virtual clock jumps without
 * its TSC marks the TSC unstable and loses the jump; with both it is a year later and goes on.
 *
 * <p>Backwards only the RTC goes. The others count up for a guest's whole life, and pending timers
 * are absolute readings of them: a guest whose clocks are set back by ten seconds stands still for
 * ten seconds and then has the old time.
 */
public final class ClockShift {
  private static final long NANOSECONDS = 1_000_000_000L;

  /** Below that the two offsets say too little about the TSC's rate. */
  private static final long ENOUGH = NANOSECONDS / 10;

  private static final String KERNEL =
      "what the guest's kernel keeps in RAM: it counts on by its clock source, and reads the RTC when"
          + " it is told to (hwclock --hctosys) or boots";

  private static final String FORWARD_ONLY =
      "timer, kvmclock: they only count up, and pending timers wait for readings of them: set back,"
          + " the guest would stand still for as long";

  private static final String TIMERS =
      "pending timers: they stay at the readings they wait for, so those within the time that is left"
          + " out are due at once";

  private static final String COUNTERS =
      "the time of a guest that counts by HPET or ACPI PM timer: they are 32 and 24 bits wide, and a"
          + " jump of more than 21 or 2 seconds looks like a shorter one or none";

  private static final String KVM_TSC =
      "the TSC under KVM (cpu[N]/env.tsc): a guest that counts by it and not by kvm-clock keeps its"
          + " time";

  private static final String NO_RATE =
      "timer/cpu_ticks_offset (the TSC under TCG): the machine has run too little to tell its rate";

  private static final String UNRELIABLE =
      "kvmclock: clock_is_reliable is 0, so QEMU takes the clock from the guest's own page in RAM"
          + " instead while loading";

  private final long seconds;
  private final String origin;
  private final List<FieldEdit> edits = new ArrayList<>();
  private final List<String> limits = new ArrayList<>();

  private ClockShift(long seconds, String origin) {
    this.seconds = seconds;
    this.origin = origin;
  }

  /**
   * The edits that make it {@code seconds} later, or earlier.
   *
   * @throws IOException when there is no clock, or one of them would leave its range
   */
  public static LinkedEdit of(List<DeviceSection> devices, long seconds, String origin)
      throws IOException {
    ClockShift shift = new ClockShift(seconds, origin);
    OptionalLong virtual = OptionalLong.empty();
    for (DeviceSection device : devices) {
      switch (device.name()) {
        case "timer" -> {
          virtual = shift.value(device, "cpu_clock_offset");
          shift.timer(device);
        }
        case "kvmclock" -> shift.kvmclock(device);
        default -> {}
      }
    }
    for (DeviceSection device : devices) {
      if (device.name().equals("mc146818rtc")) {
        shift.rtc(device, virtual);
      }
    }
    if (shift.edits.isEmpty()) {
      throw new IOException("the snapshot describes no clock that could be set");
    }
    shift.limits.add(seconds < 0 ? FORWARD_ONLY : TIMERS);
    if (seconds > 0) {
      shift.limits.add(COUNTERS);
    }
    shift.limits.add(KERNEL);
    return new LinkedEdit(shift.edits, shift.limits);
  }

  private void timer(DeviceSection timer) throws IOException {
    OptionalLong clock = value(timer, "cpu_clock_offset");
    OptionalLong ticks = value(timer, "cpu_ticks_offset");
    if (seconds < 0 || clock.isEmpty()) {
      return;
    }
    add(timer, "cpu_clock_offset", nanoseconds(seconds));
    if (value(timer, "qemu_icount_bias").isPresent()) {
      add(timer, "qemu_icount_bias", nanoseconds(seconds));
    }
    if (ticks.isEmpty() || clock.getAsLong() < ENOUGH || ticks.getAsLong() <= 0) {
      limits.add(NO_RATE);
      return;
    }
    BigInteger more =
        nanoseconds(seconds)
            .multiply(BigInteger.valueOf(ticks.getAsLong()))
            .divide(BigInteger.valueOf(clock.getAsLong()));
    add(timer, "cpu_ticks_offset", more);
  }

  private void kvmclock(DeviceSection kvmclock) throws IOException {
    if (seconds > 0 && value(kvmclock, "clock").isPresent()) {
      add(kvmclock, "clock", nanoseconds(seconds));
      limits.add(KVM_TSC);
      if (value(kvmclock, "clock_is_reliable").orElse(1) == 0) {
        limits.add(UNRELIABLE);
      }
    }
  }

  /**
   * {@code -rtc clock=host} (the default) counts by the host's time of day, {@code clock=vm} by the
   * virtual clock, and the stream does not say which. But a reading of the virtual clock is never
   * larger than the clock itself.
   */
  private void rtc(DeviceSection rtc, OptionalLong virtual) throws IOException {
    OptionalLong lastUpdate = value(rtc, "last_update");
    boolean byVirtualClock =
        virtual.isPresent()
            && lastUpdate.isPresent()
            && Long.compareUnsigned(lastUpdate.getAsLong(), virtual.getAsLong()) <= 0;
    if (value(rtc, "base_rtc").isPresent() && !(byVirtualClock && seconds > 0)) {
      add(rtc, "base_rtc", BigInteger.valueOf(seconds));
      alarm(rtc);
    }
    Optional<FieldPath> field = find(rtc, "cmos_data");
    if (field.isEmpty() || field.get().span().length() <= CmosTime.CENTURY) {
      return;
    }
    byte[] cmos = rtc.source().bytes(field.get().span());
    Optional<LocalDateTime> now = CmosTime.read(cmos);
    if (now.isEmpty()) {
      limits.add(rtc.label() + "/cmos_data: its bytes are no time");
      return;
    }
    LocalDateTime then = now.get().plusSeconds(seconds);
    if (then.getYear() < 1970 || then.getYear() > 9999) {
      throw new IOException("%s would be the year %d".formatted(rtc.label(), then.getYear()));
    }
    byte[] after = CmosTime.write(cmos, then);
    for (int place : CmosTime.PLACES) {
      Span span = field.get().span().at(place, 1);
      edits.add(
          FieldEdit.of(
              "%s[0x%x]".formatted(field.get().path(), place),
              span,
              new byte[] {cmos[place]},
              new byte[] {after[place]},
              origin));
    }
  }

  /** The alarm is a reading of the clock below: it comes nearer by what the RTC gains. */
  private void alarm(DeviceSection rtc) throws IOException {
    OptionalLong alarm = value(rtc, "next_alarm_time");
    BigInteger nearer = nanoseconds(seconds).negate();
    if (alarm.isEmpty() || alarm.getAsLong() <= 0 || afterwards(alarm, nearer).signum() <= 0) {
      return;
    }
    if (value(rtc, "update_timer").equals(alarm)) {
      add(rtc, "update_timer", nearer);
    }
    add(rtc, "next_alarm_time", nearer);
  }

  private static BigInteger afterwards(OptionalLong value, BigInteger more) {
    return BigInteger.valueOf(value.getAsLong()).add(more);
  }

  private static BigInteger nanoseconds(long seconds) {
    return BigInteger.valueOf(seconds).multiply(BigInteger.valueOf(NANOSECONDS));
  }

  private void add(DeviceSection device, String name, BigInteger more) throws IOException {
    FieldPath field = FieldPath.in(device, name);
    ScalarType type = field.type().orElse(ScalarType.of("int64").orElseThrow());
    byte[] before = device.source().bytes(field.span());
    BigInteger after = BigInteger.valueOf(type.decode(before, 0)).add(more);
    if (after.signum() < 0 || after.bitLength() > 63) {
      throw new IOException(
          "%s: %s and %s is %s, which it cannot hold"
              .formatted(field.path(), type.decode(before, 0), more, after));
    }
    edits.add(
        FieldEdit.of(field.path(), field.span(), before, type.encode(after.longValue()), origin));
  }

  /** Any field of eight bytes counts: vmdesc calls timers, which are int64, {@code timer}. */
  private OptionalLong value(DeviceSection device, String name) throws IOException {
    Optional<FieldPath> field = find(device, name);
    if (field.isEmpty() || field.get().span().length() > 8) {
      return OptionalLong.empty();
    }
    Optional<ScalarType> type = field.get().type();
    byte[] bytes = device.source().bytes(field.get().span());
    if (type.isEmpty() && bytes.length != 8) {
      return OptionalLong.empty();
    }
    return OptionalLong.of(type.orElse(ScalarType.of("int64").orElseThrow()).decode(bytes, 0));
  }

  private static Optional<FieldPath> find(DeviceSection device, String path) {
    try {
      return Optional.of(FieldPath.in(device, path));
    } catch (FieldPath.NotFoundException e) {
      return Optional.empty();
    }
  }
}
