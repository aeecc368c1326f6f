package dev.vmstate.cpu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The registers of a CPU's local APIC: section {@code apic} ({@code hw/intc/apic_common.c},
 * vmstate_apic_common), which the APIC in KVM has too.
 */
final class LocalApic {
  private static final String[][] NUMBERS = {
    {"base", "apicbase"},
    {"id", "id"},
    {"arb", "arb_id"},
    {"tpr", "tpr"},
    {"svr", "spurious_vec"},
    {"ldr", "log_dest"},
    {"dfr", "dest_mode"},
    {"esr", "esr"},
    {"divide", "divide_conf"},
    {"initial_count", "initial_count"},
    {"sipi_vector", "sipi_vector"},
    {"wait_for_sipi", "wait_for_sipi"},
  };

  /** QEMU's order: {@code hw/i386/apic_internal.h}, APIC_LVT_TIMER and so on. */
  private static final List<String> LVT =
      List.of("timer", "thermal", "perf", "lint0", "lint1", "error");

  private static final List<String> BITMAPS = List.of("isr", "tmr", "irr");

  private static final long PERIODIC = 1 << 17;

  private LocalApic() {}

  /** {@code stopped}: QEMU_CLOCK_VIRTUAL in ns, or -1 when not known. */
  static List<Register> of(CpuFields fields, long stopped) throws IOException {
    List<Register> registers = new ArrayList<>();
    for (String[] number : NUMBERS) {
      add(number[0], List.of(fields.part(number[1], 0)), registers);
    }
    for (int i = 0; i < LVT.size(); i++) {
      add("lvt_" + LVT.get(i), List.of(fields.part("lvt[" + i + "]", 0)), registers);
    }
    add("icr", List.of(fields.part("icr[0]", 0), fields.part("icr[1]", 32)), registers);
    for (String bitmap : BITMAPS) {
      List<Optional<RegisterPart>> words = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        words.add(fields.part(bitmap + "[" + i + "]", i * 32));
      }
      add(bitmap, words, registers);
    }
    Optional<Long> count = stopped < 0 ? Optional.empty() : currentCount(fields, stopped);
    if (count.isPresent()) {
      registers.add(
          new Register(
              "apic.current_count",
              RegisterGroup.APIC,
              32,
              Register.unsigned(count.get()),
              List.of(),
              false));
    }
    return registers;
  }

  /** As {@code hw/intc/apic.c}, apic_get_current_count, has it. */
  private static Optional<Long> currentCount(CpuFields fields, long now) throws IOException {
    Optional<RegisterPart> shift = fields.part("count_shift", 0);
    Optional<RegisterPart> initial = fields.part("initial_count", 0);
    Optional<RegisterPart> loaded = fields.part("initial_count_load_time", 0);
    Optional<RegisterPart> timer = fields.part("lvt[0]", 0);
    if (shift.isEmpty() || initial.isEmpty() || loaded.isEmpty() || timer.isEmpty()) {
      return Optional.empty();
    }
    long passed = now - loaded.get().now() >> (shift.get().now() & 63);
    long count = initial.get().now() & 0xffff_ffffL;
    if ((timer.get().now() & PERIODIC) != 0) {
      return Optional.of(count - Long.remainderUnsigned(passed, count + 1) & 0xffff_ffffL);
    }
    return Optional.of(Long.compareUnsigned(passed, count) >= 0 ? 0 : count - passed);
  }

  private static void add(
      String name, List<Optional<RegisterPart>> parts, List<Register> registers) {
    List<RegisterPart> found = parts.stream().flatMap(Optional::stream).toList();
    if (found.size() == parts.size()) {
      registers.add(Register.of("apic." + name, RegisterGroup.APIC, found, false));
    }
  }
}
