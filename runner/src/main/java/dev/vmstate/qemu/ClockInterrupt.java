package dev.vmstate.qemu;

import dev.vmstate.diff.FieldChange;
import java.util.Optional;

/**
 * The interrupt a clock chip raises while its guest is stopped, and how far it gets.
 *
 * <p>The chip's timers run by the host's clock also in a machine that does not run ({@link
 * KnownDrift#CLOCK_TIMERS}). Where the guest asked for periodic ticks (DOS and Windows do, Linux
 * does not), the first one comes right after loading: IRQ 8 goes to the second i8259, which wakes
 * the first, which wakes the CPU; an hpet remembers the line in a subsection that is only written
 * when it is up. Seen with QEMU 7.2 and the chip's registers A and B edited to ask for ticks; test
 * {@code anInterruptOfTheClockIsNoFailure}.
 */
final class ClockInterrupt {
  /** Of register C: the chip pulls its line. */
  private static final int IRQF = 0x80;

  private static final int REGISTER_C = 0x0c;

  /** IRQ 8 is input 0 of the second controller, which sits at input 2 of the first. */
  private static final int SECOND_I8259_INPUT = 1 << 0;

  private static final int FIRST_I8259_INPUT = 1 << 2;

  /** {@code CPU_INTERRUPT_HARD}. */
  private static final int INTERRUPT_HARD = 0x2;

  private static final String REASON =
      "the clock chip's timer interrupted while the guest was stopped";

  private ClockInterrupt() {}

  /** Whether this change is the chip pulling its line. */
  static boolean raisedBy(FieldChange change, byte[] before, byte[] after) {
    boolean named = change.field().equals("mc146818rtc/cmos_data/register_c");
    long at = (named ? 0 : REGISTER_C) - change.within();
    return (named || change.field().equals("mc146818rtc/cmos_data"))
        && change.more() == 0
        && at >= 0
        && at < before.length
        && (after[(int) at] & ~before[(int) at] & IRQF) != 0;
  }

  /** Why, if the change is part of the way to the CPU; only asked when the line was pulled. */
  static Optional<String> reason(FieldChange change, byte[] before, byte[] after) {
    int bit =
        switch (change.path()) {
          case "i8259/irr", "i8259/last_irr" -> FIRST_I8259_INPUT;
          case "i8259[1]/irr", "i8259[1]/last_irr" -> SECOND_I8259_INPUT;
          case "cpu_common/interrupt_request" -> INTERRUPT_HARD;
          default -> 0;
        };
    int last = before.length - 1;
    for (int i = 0; i < last; i++) {
      if (before[i] != after[i]) {
        return Optional.empty();
      }
    }
    return bit != 0 && (before[last] | bit) == after[last] ? Optional.of(REASON) : Optional.empty();
  }

  /** Whether a difference in structure is the hpet's memory of the line. */
  static boolean explains(String structure) {
    return structure.matches("hpet/hpet/rtc_irq_level: \\d+ bytes only in the second");
  }
}
