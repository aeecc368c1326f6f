package dev.vmstate.convert.kvm;

import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.List;

/**
 * What is on its way to a CPU: {@code target/i386/kvm/kvm.c}, kvm_put_vcpu_events,
 * kvm_get_vcpu_events.
 */
final class EventRows {
  private static final long VALID_NMI_PENDING = 1;
  private static final long VALID_SIPI_VECTOR = 2;
  private static final long VALID_SHADOW = 4;
  private static final long SHADOW_STI = 2;

  /** HF_INHIBIT_IRQ: the instruction behind STI or MOV SS. */
  private static final int INHIBIT_IRQ = 3;

  /** HF2_NMI: an NMI is being handled. */
  private static final int NMI_MASKED = 2;

  private static final String EXCEPTION = "exception_nr";
  private static final String PENDING = "exception_pending";
  private static final String INJECTED = "exception_injected";
  private static final String INTERRUPT = "interrupt_injected";

  /** {@code struct kvm_vcpu_events}. */
  static final List<Row> ROWS =
      List.of(
          Row.constant("flags", VALID_NMI_PENDING | VALID_SIPI_VECTOR),
          new Interrupt(),
          Row.same("soft_interrupt", "interrupt.soft"),
          new Shadow(),
          new Fault(),
          Row.same("nmi_injected", "nmi.injected"),
          Row.same("nmi_pending", "nmi.pending"),
          Row.bits("hflags2", NMI_MASKED, 1, "nmi.masked", 0),
          Row.same("sipi_vector"));

  private EventRows() {}

  /** -1 for none, or its vector. */
  private static final class Interrupt implements Row {
    private static long vector(StateValue kvm) {
      return kvm.get("interrupt.injected") == 0 ? -1 : kvm.get("interrupt.nr");
    }

    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      int vector = stream.signed(INTERRUPT, -1);
      if (vector >= 0) {
        kvm.set("interrupt.injected", 1).set("interrupt.nr", vector);
      }
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      if (vector(was) != vector(now)) {
        stream.put(INTERRUPT, vector(now));
      }
    }
  }

  /** One instruction without interrupts. */
  private static final class Shadow implements Row {
    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      if ((stream.get("hflags") >>> INHIBIT_IRQ & 1) != 0) {
        kvm.set("interrupt.shadow", SHADOW_STI);
        kvm.set("flags", kvm.get("flags") | VALID_SHADOW);
      }
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      boolean shadow = now.get("interrupt.shadow") != 0;
      if (shadow != (was.get("interrupt.shadow") != 0)) {
        stream.put("hflags", INHIBIT_IRQ, 1, shadow ? 1 : 0);
      }
    }
  }

  /**
   * An exception. Without subsection {@code cpu/exception_info}, which only newer kernels make
   * necessary, one that has a number is injected (cpu_post_load).
   */
  private static final class Fault implements Row {
    private static final List<String> MEMBERS =
        List.of("injected", "pending", "nr", "has_error_code", "error_code");

    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      int number = stream.signed(EXCEPTION, -1);
      if (number < 0) {
        return;
      }
      boolean told = stream.has(PENDING);
      kvm.set("exception.nr", number);
      kvm.set("exception.pending", stream.get(PENDING));
      kvm.set("exception.injected", told ? stream.get(INJECTED) : 1);
      kvm.set("exception.has_error_code", stream.get("has_error_code"));
    }

    private static boolean any(StateValue kvm) {
      return (kvm.get("exception.injected") | kvm.get("exception.pending")) != 0;
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      boolean same = !any(was) && !any(now);
      if (!same) {
        same = true;
        for (String member : MEMBERS) {
          same &= was.get("exception." + member) == now.get("exception." + member);
        }
      }
      if (same) {
        return;
      }
      stream.put(EXCEPTION, any(now) ? now.get("exception.nr") : -1);
      stream.put("has_error_code", any(now) ? now.get("exception.has_error_code") : 0);
      if (stream.has(PENDING)) {
        stream.put(PENDING, now.get("exception.pending"));
        stream.put(INJECTED, now.get("exception.injected"));
      } else if (now.get("exception.pending") != 0 && now.get("exception.injected") == 0) {
        stream.miss("exception_info: an exception that is pending and not yet injected");
      }
      if (now.get("exception.error_code") != was.get("exception.error_code")) {
        stream.miss("error_code: of an exception");
      }
    }
  }
}
