package dev.vmstate.cpu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What waits for a CPU and what QEMU keeps beside its registers: halted, interrupts and exceptions
 * that are on their way, hidden flags, and CR8, which is the upper half of the APIC's TPR.
 */
final class PendingEvents {
  private static final List<String> OF_CPU =
      List.of(
          "mp_state",
          "interrupt_injected",
          "exception_nr",
          "exception_pending",
          "exception_injected",
          "exception_has_payload",
          "exception_payload",
          "has_error_code",
          "soft_interrupt",
          "nmi_injected",
          "nmi_pending",
          "sipi_vector",
          "triple_fault_pending",
          "hflags",
          "hflags2",
          "a20_mask",
          "smbase");

  private PendingEvents() {}

  static List<Register> of(CpuFields cpu, Optional<CpuFields> common, Optional<CpuFields> apic)
      throws IOException {
    List<Register> registers = new ArrayList<>();
    if (common.isPresent()) {
      add("halted", common.get(), "halted", registers);
      add("interrupt_request", common.get(), "interrupt_request", registers);
      add("exception_index", common.get(), "exception_index", registers);
      add("crash_occurred", common.get(), "crash_occurred", registers);
    }
    for (String name : OF_CPU) {
      add(name, cpu, "env." + name, registers);
    }
    if (apic.isPresent()) {
      apic.get()
          .part("tpr", 0)
          .map(tpr -> tpr.only(4, 4))
          .ifPresent(
              part -> registers.add(Register.of("cr8", RegisterGroup.EVENT, List.of(part), false)));
    }
    return registers;
  }

  private static void add(String name, CpuFields in, String field, List<Register> registers)
      throws IOException {
    in.part(field, 0)
        .ifPresent(
            part ->
                registers.add(
                    Register.of(name, RegisterGroup.EVENT, List.of(part), in.signed(field))));
  }
}
