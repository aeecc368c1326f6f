package dev.vmstate.convert.kvm;

import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The interrupt controllers and the timer that KVM has in the kernel: {@code
 * hw/i386/kvm/{i8259,ioapic,i8254}.c}.
 */
final class DeviceRows {
  private static final String[] PIC = {
    "irr",
    "imr",
    "isr",
    "priority_add",
    "irq_base",
    "read_reg_select",
    "poll",
    "special_mask",
    "init_state",
    "auto_eoi",
    "rotate_on_auto_eoi",
    "special_fully_nested_mode",
    "init4",
    "elcr"
  };

  private static final long IOAPIC_BASE = 0xfec0_0000L;
  private static final int PINS = 24;

  private static final String[] CHANNEL = {
    "count",
    "latched_count",
    "count_latched",
    "status_latched",
    "status",
    "read_state",
    "write_state",
    "write_latch",
    "rw_mode",
    "mode",
    "bcd",
    "gate"
  };

  private DeviceRows() {}

  /** {@code struct kvm_pic_state} of the master or the slave. */
  static List<Row> pic(boolean master) {
    List<Row> rows = new ArrayList<>();
    rows.add(new LastIrr(master));
    for (String name : PIC) {
      rows.add(Row.same(name));
    }
    rows.add(Row.constant("elcr_mask", master ? 0xf8 : 0xde));
    return List.copyOf(rows);
  }

  /**
   * The levels that the lines had last. QEMU's PIT holds its line up between two ticks. The
   * kernel's lowers it again at each, and waits until the guest acknowledges an interrupt: if the
   * line is up when it starts there is no edge, no interrupt, and never another tick.
   */
  private record LastIrr(boolean master) implements Row {
    private static final String NAME = "last_irr";

    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      kvm.set(NAME, stream.get(NAME) & (master ? ~1 : ~0));
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      if (was.get(NAME) != now.get(NAME)) {
        stream.put(NAME, master ? 1 : 0, 8, now.get(NAME) >>> (master ? 1 : 0));
      }
    }
  }

  /** {@code struct kvm_ioapic_state}. */
  static List<Row> ioapic() {
    List<Row> rows = new ArrayList<>();
    rows.add(Row.constant("base_address", IOAPIC_BASE));
    rows.add(Row.same("ioregsel"));
    rows.add(Row.same("id"));
    rows.add(Row.same("irr"));
    for (int i = 0; i < PINS; i++) {
      rows.add(Row.same("ioredtbl[%d]".formatted(i), "redirtbl[%d]".formatted(i)));
    }
    return List.copyOf(rows);
  }

  /**
   * {@code struct kvm_pit_state2}.
   *
   * @param clock QEMU_CLOCK_VIRTUAL of the stream in ns
   */
  static List<Row> pit(long clock) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      for (String name : CHANNEL) {
        rows.add(
            Row.same("channels[%d]/%s".formatted(i, name), "channels[%d].%s".formatted(i, name)));
      }
    }
    rows.add(Row.bits("channels[0].irq_disabled", 0, 1, "flags", 0));
    rows.add(new Countdown(Math.max(0, clock)));
    return List.copyOf(rows);
  }

  /**
   * When a channel was loaded: by QEMU's own clock in a stream, by the host's in KVM, which starts
   * anew whatever it is told. A channel that counts something else starts now, and its interrupt's
   * timer is due at once: {@code hw/timer/i8254.c}, pit_irq_timer_update, then finds the next time.
   */
  private record Countdown(long clock) implements Row {
    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      for (int i = 0; i < 3; i++) {
        String member = "channels[%d]".formatted(i);
        kvm.set(member + ".count_load_time", stream.get(member + "/count_load_time"));
      }
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      for (int i = 0; i < 3; i++) {
        String member = "channels[%d]".formatted(i);
        boolean same = true;
        for (String name : List.of("count", "mode", "gate", "bcd")) {
          same &= was.get(member + "." + name) == now.get(member + "." + name);
        }
        if (!same) {
          stream.put(member + "/count_load_time", clock);
        }
        if (!same && i == 0) {
          stream.put("channels[0]/next_transition_time", clock);
          stream.put("channels[0].next_transition_time", clock);
        }
      }
    }
  }

  /** {@code struct kvm_clock_data}. */
  static List<Row> clock() {
    return List.of(Row.same("clock"));
  }
}
