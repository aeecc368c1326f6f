package dev.vmstate.convert.kvm;

import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The local APIC: KVM has its registers as the CPU's manual lays them out, QEMU's section {@code
 * apic} as numbers of its own ({@code hw/i386/kvm/apic.c}, kvm_put_apic_state, kvm_get_apic_state).
 */
final class LapicRows {
  /** Integrated APIC, 6 local vectors: what KVM says of its own. */
  private static final long VERSION = 0x50014;

  private static final long X2APIC = 1 << 10;
  private static final long FLAT_REST = 0x0fff_ffff;

  private static final String[] LVT = {
    "lvt_timer", "lvt_thermal", "lvt_perf", "lvt_lint0", "lvt_lint1", "lvt_error"
  };

  private final long id;
  private final long clock;

  /**
   * Rows of one APIC.
   *
   * @param id the APIC's id, which is its section's instance; needed in x2APIC mode
   * @param clock QEMU_CLOCK_VIRTUAL of the stream, in ns, by which it keeps timers; -1: not known
   */
  LapicRows(long id, long clock) {
    this.id = id;
    this.clock = clock;
  }

  private static String in(String field) {
    return StreamNumbers.APIC + field;
  }

  /** {@code struct kvm_lapic_state}. */
  List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    rows.add(new Id());
    rows.add(Row.constant("version", VERSION));
    rows.add(Row.same(in("tpr"), "tpr"));
    rows.add(Row.bits(in("log_dest"), 0, 8, "ldr", 24));
    rows.add(Row.constant("dfr", FLAT_REST));
    rows.add(Row.bits(in("dest_mode"), 0, 4, "dfr", 28));
    rows.add(Row.same(in("spurious_vec"), "svr"));
    for (String bitmap : List.of("isr", "tmr", "irr")) {
      for (int i = 0; i < 8; i++) {
        String element = "%s[%d]".formatted(bitmap, i);
        rows.add(Row.same(in(element), element));
      }
    }
    rows.add(Row.same(in("esr"), "esr"));
    rows.add(Row.same(in("icr[0]"), "icr"));
    rows.add(Row.same(in("icr[1]"), "icr2"));
    for (int i = 0; i < LVT.length; i++) {
      rows.add(Row.same(in("lvt[%d]".formatted(i)), LVT[i]));
    }
    rows.add(Row.same(in("initial_count"), "initial_count"));
    rows.add(Row.same(in("divide_conf"), "divide"));
    rows.add(new Timer());
    return List.copyOf(rows);
  }

  /** In x2APIC mode the id is a number of 32 bits, otherwise 8 bits at the top of the register. */
  private final class Id implements Row {
    private boolean wide(StreamNumbers stream) throws IOException {
      return (stream.get(in("apicbase")) & X2APIC) != 0;
    }

    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      kvm.set("id", wide(stream) ? id : stream.get(in("id")) << 24);
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      boolean wide = (stream.becomes(in("apicbase")) & X2APIC) != 0;
      long number = wide ? now.get("id") : now.get("id") >>> 24;
      if (was.get("id") != now.get("id") && (number & 0xff) != stream.get(in("id"))) {
        stream.put(in("id"), number);
      }
    }
  }

  /**
   * The count: KVM has it as it is, QEMU the time when it was loaded. Where KVM ran the machine
   * that was always just now ({@code kvm_get_apic_state}).
   */
  private final class Timer implements Row {
    private static final long MASKED = 1 << 16;
    private static final long PERIODIC = 1 << 17;

    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      long initial = stream.get(in("initial_count"));
      int shift = (int) stream.get(in("count_shift")) & 63;
      long passed = clock - stream.get(in("initial_count_load_time")) >> shift;
      long count = 0;
      if (clock >= 0 && passed >= 0 && (stream.get(in("lvt[0]")) & PERIODIC) != 0) {
        count = initial - Long.remainderUnsigned(passed, initial + 1);
      } else if (clock >= 0 && passed >= 0 && passed < initial) {
        count = initial - passed;
      }
      kvm.set("current_count", count);
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      boolean same = true;
      for (String member : List.of("lvt_timer", "initial_count", "divide", "current_count")) {
        same &= was.get(member) == now.get(member);
      }
      if (same) {
        return;
      }
      long divide = now.get("divide");
      int shift = (int) ((divide & 3 | divide >>> 1 & 4) + 1 & 7);
      long initial = now.get("initial_count");
      long left = now.get("current_count");
      boolean periodic = (now.get("lvt_timer") & PERIODIC) != 0;
      // A count that KVM leaves out of a periodic timer is one that begins anew.
      long passed = left == 0 && !periodic ? initial + 1 : left == 0 ? 0 : initial - left;
      long loaded = Math.max(0, clock) - (passed << shift);
      long next = loaded + (initial + 1 << shift);
      boolean armed = (now.get("lvt_timer") & MASKED) == 0 && (periodic ? initial != 0 : left != 0);
      stream.put(in("count_shift"), shift);
      stream.put(in("initial_count_load_time"), loaded);
      stream.put(in("next_time"), next);
      stream.put(in("timer_expiry"), armed ? next : -1);
    }
  }
}
