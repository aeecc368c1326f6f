package dev.vmstate.convert.kvm;

import dev.vmstate.kvmstate.StateValue;
import java.util.Objects;

/**
 * Whether a CPU has an interrupt waiting: {@code hw/intc/apic.c}, apic_irq_pending, {@code
 * hw/intc/i8259.c}, pic_get_irq.
 */
final class PendingInterrupt {
  private static final long APIC_ON = 1 << 8;
  private static final long ENABLED = 1 << 11;
  private static final long MASKED = 1 << 16;
  private static final int EXTERNAL = 7;
  private static final int CASCADE = 2;

  private PendingInterrupt() {}

  static boolean at(MachineValues machine, int cpu) {
    CpuValues values = machine.cpus().get(cpu);
    StateValue lapic = values.structs().get("lapic");
    StateValue sregs = Objects.requireNonNull(values.structs().get("sregs2"));
    StateValue master = machine.devices().get("pic-master");
    StateValue slave = machine.devices().get("pic-slave");
    boolean pic =
        cpu == 0 && master != null && slave != null && master(master, level(slave, 0) < 8);
    if (lapic == null || (sregs.get("apic_base") & ENABLED) == 0) {
      return pic;
    }
    long lint0 = lapic.get("lvt_lint0");
    boolean external = (lint0 & MASKED) == 0 && (lint0 >>> 8 & 7) == EXTERNAL;
    return pic && external || apic(lapic);
  }

  private static boolean apic(StateValue lapic) {
    int highest = highest(lapic, "irr");
    int handled = Math.max((int) lapic.get("tpr"), highest(lapic, "isr"));
    return (lapic.get("svr") & APIC_ON) != 0 && highest >= 0 && highest >> 4 > handled >> 4;
  }

  private static int highest(StateValue lapic, String bitmap) {
    for (int i = 7; i >= 0; i--) {
      long word = lapic.get("%s[%d]".formatted(bitmap, i));
      if (word != 0) {
        return 32 * i + 63 - Long.numberOfLeadingZeros(word);
      }
    }
    return -1;
  }

  private static boolean master(StateValue master, boolean slaveAsks) {
    return level(master, slaveAsks ? 1 << CASCADE : 0) < 8;
  }

  /** The line that asks and may interrupt what is handled; 8 when none does. */
  private static int level(StateValue pic, int more) {
    long asking = (pic.get("irr") | more) & ~pic.get("imr");
    int waiting = priority(asking, pic);
    long handled = pic.get("isr");
    if (pic.get("special_mask") != 0) {
      handled &= ~pic.get("imr");
    }
    int busy = priority(handled, pic);
    return waiting < busy ? waiting : 8;
  }

  private static int priority(long mask, StateValue pic) {
    for (int i = 0; i < 8; i++) {
      if ((mask >>> (i + pic.get("priority_add") & 7) & 1) != 0) {
        return i;
      }
    }
    return 8;
  }
}
