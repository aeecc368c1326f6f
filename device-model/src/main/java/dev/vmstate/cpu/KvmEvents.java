package dev.vmstate.cpu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What waits for a vCPU of KVM's ({@code events}, {@code mp_state}) and its local APIC ({@code
 * lapic}, the registers as the APIC's page has them).
 *
 * <p>QEMU has an interrupt's vector or -1 in one number, {@code interrupt_injected}; here it is
 * two, {@code irq_injected} and {@code irq_vector}.
 *
 * <p>QEMU keeps an APIC's id without the 24 bits below it, and so do the names here: {@code
 * apic.id} of an xAPIC is bits 24 to 31 of its register, that of an x2APIC the whole of it.
 */
final class KvmEvents {
  private static final String[][] EVENTS = {
    {"mp_state", "mp_state"},
    {"irq_injected", "events/interrupt/injected"},
    {"irq_vector", "events/interrupt/nr"},
    {"soft_interrupt", "events/interrupt/soft"},
    {"interrupt_shadow", "events/interrupt/shadow"},
    {"exception_nr", "events/exception/nr"},
    {"exception_pending", "events/exception/pending"},
    {"exception_injected", "events/exception/injected"},
    {"has_error_code", "events/exception/has_error_code"},
    {"error_code", "events/exception/error_code"},
    {"exception_has_payload", "events/exception_has_payload"},
    {"exception_payload", "events/exception_payload"},
    {"nmi_injected", "events/nmi/injected"},
    {"nmi_pending", "events/nmi/pending"},
    {"nmi_masked", "events/nmi/masked"},
    {"sipi_vector", "events/sipi_vector"},
    {"smm", "events/smi/smm"},
    {"triple_fault_pending", "events/triple_fault/pending"},
  };

  private static final String[][] APIC = {
    {"tpr", "tpr"},
    {"svr", "svr"},
    {"esr", "esr"},
    {"divide", "divide"},
    {"initial_count", "initial_count"},
    {"current_count", "current_count"},
    {"lvt_timer", "lvt_timer"},
    {"lvt_thermal", "lvt_thermal"},
    {"lvt_perf", "lvt_perf"},
    {"lvt_lint0", "lvt_lint0"},
    {"lvt_lint1", "lvt_lint1"},
    {"lvt_error", "lvt_error"},
    {"lvt_cmci", "lvt_cmci"},
  };

  /** {@code KVM_MP_STATE_HALTED} (include/uapi/linux/kvm.h). */
  private static final long HALTED = 3;

  private static final long X2APIC = 1 << 10;
  private static final int WORDS = 8;

  private KvmEvents() {}

  static List<Register> of(CpuFields fields, String sregs) throws IOException {
    List<Register> registers = new ArrayList<>();
    Optional<RegisterPart> state = fields.part("mp_state", 0);
    state.ifPresent(
        part ->
            registers.add(
                new Register(
                    "halted",
                    RegisterGroup.EVENT,
                    1,
                    Register.unsigned(part.now() == HALTED ? 1 : 0),
                    List.of(),
                    false)));
    for (String[] event : EVENTS) {
      add(event[0], RegisterGroup.EVENT, List.of(fields.part(event[1], 0)), registers);
    }
    add("cr8", RegisterGroup.EVENT, List.of(part(fields, sregs + "cr8", 0, 4)), registers);
    return registers;
  }

  static List<Register> apic(CpuFields fields, String sregs) throws IOException {
    List<Register> registers = new ArrayList<>();
    if (fields.part("lapic/svr", 0).isEmpty()) {
      return registers;
    }
    Optional<RegisterPart> base = fields.part(sregs + "apic_base", 0);
    add("apic.base", RegisterGroup.APIC, List.of(base), registers);
    boolean wide = base.isPresent() && (base.get().now() & X2APIC) != 0;
    add("apic.id", List.of(part(fields, "lapic/id", wide ? 0 : 24, wide ? 32 : 8)), registers);
    add("apic.ldr", List.of(part(fields, "lapic/ldr", wide ? 0 : 24, wide ? 32 : 8)), registers);
    add("apic.dfr", List.of(part(fields, "lapic/dfr", 28, 4)), registers);
    for (String[] name : APIC) {
      add("apic." + name[0], List.of(fields.part("lapic/" + name[1], 0)), registers);
    }
    add("apic.icr", List.of(fields.part("lapic/icr", 0), fields.part("lapic/icr2", 32)), registers);
    for (String bitmap : List.of("isr", "tmr", "irr")) {
      List<Optional<RegisterPart>> words = new ArrayList<>();
      for (int i = 0; i < WORDS; i++) {
        words.add(fields.part("lapic/" + bitmap + "[" + i + "]", i * 32));
      }
      add("apic." + bitmap, words, registers);
    }
    return registers;
  }

  private static Optional<RegisterPart> part(CpuFields fields, String field, int from, int bits)
      throws IOException {
    return fields.part(field, 0).map(part -> part.only(from, bits));
  }

  private static void add(
      String name, List<Optional<RegisterPart>> parts, List<Register> registers) {
    add(name, RegisterGroup.APIC, parts, registers);
  }

  private static void add(
      String name,
      RegisterGroup group,
      List<Optional<RegisterPart>> parts,
      List<Register> registers) {
    List<RegisterPart> found = parts.stream().flatMap(Optional::stream).toList();
    if (found.size() == parts.size()) {
      registers.add(Register.of(name, group, found, false));
    }
  }
}
