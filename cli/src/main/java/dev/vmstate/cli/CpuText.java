package dev.vmstate.cli;

import dev.vmstate.cpu.BitNames;
import dev.vmstate.cpu.CpuMode;
import dev.vmstate.cpu.MsrTable;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.RegisterGroup;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.cpu.XsaveArea;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * One CPU in the shape of QEMU's {@code info registers} ({@code target/i386/cpu-dump.c}), with the
 * names of the bits behind the numbers. What a dump does not know is left out.
 */
final class CpuText {
  /** The rest of the descriptor's second word repeats its base; QEMU leaves it out as well. */
  private static final int DESCRIPTOR_BITS = 0x00ff_ff00;

  private static final long AVX = 6;
  private static final long AVX512 = 0xe6;

  private static final List<String> LONG_REGISTERS =
      List.of(
          "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
          "r13", "r14", "r15");

  private static final List<String> SEGMENTS =
      List.of("es", "cs", "ss", "ds", "fs", "gs", "ldt", "tr");

  private final X86Cpu cpu;
  private final PrintWriter out;
  private final boolean wide;

  CpuText(X86Cpu cpu, PrintWriter out) {
    this.cpu = cpu;
    this.out = out;
    this.wide = cpu.mode() == CpuMode.LONG64 || cpu.mode() == CpuMode.UNKNOWN;
  }

  /** {@code groups}: what is printed besides general, segment, control and debug registers. */
  void print(Set<RegisterGroup> groups) {
    out.printf("CPU %d (%s)%n", cpu.index(), cpu.mode());
    general();
    segments();
    control();
    pending();
    if (groups.contains(RegisterGroup.FPU)) {
      fpu();
    }
    if (groups.contains(RegisterGroup.AVX)) {
      avx();
    } else if (groups.contains(RegisterGroup.SSE)) {
      sse();
    }
    if (groups.contains(RegisterGroup.MSR)) {
      msrs();
    }
    if (groups.contains(RegisterGroup.APIC) && !cpu.views(RegisterGroup.APIC).isEmpty()) {
      new ApicText(cpu, out).print();
    }
  }

  private long get(String name) {
    return cpu.find(name).map(Register::value).orElse(0L);
  }

  private boolean has(String name) {
    return cpu.find(name).isPresent();
  }

  /** A number as wide as the mode the CPU is in. */
  private String number(String name) {
    return wide ? "%016x".formatted(get(name)) : "%08x".formatted((int) get(name));
  }

  private void general() {
    List<String> words = new ArrayList<>();
    for (String name : wide ? LONG_REGISTERS : LONG_REGISTERS.subList(0, 8)) {
      String shown = wide ? name : "e" + name.substring(1);
      words.add("%-3s=%s".formatted(shown.toUpperCase(Locale.ROOT), number(name)));
    }
    lines(words, 4);
    int flags = (int) get("rflags");
    out.printf(
        "%s=%s %s=%08x [%s] CPL=%d",
        wide ? "RIP" : "EIP", number("rip"), wide ? "RFL" : "EFL", flags, letters(flags), cpl());
    if (has("hflags")) {
      long hidden = get("hflags");
      out.printf(
          " II=%d A20=%d SMM=%d", hidden >> 3 & 1, get("a20_mask") >> 20 & 1, hidden >> 19 & 1);
    }
    cpu.find("halted").ifPresent(halted -> out.printf(" HLT=%d", halted.value()));
    out.println();
  }

  private long cpl() {
    return has("hflags")
        ? get("hflags") & 3
        : has("ss.flags") ? get("ss.flags") >> 13 & 3 : get("cs.selector") & 3;
  }

  /** QEMU's letters of the flags, and the names of the others. */
  private static String letters(int flags) {
    StringBuilder text = new StringBuilder();
    String letters = "DOSZAPC";
    int[] bits = {10, 11, 7, 6, 4, 2, 0};
    for (int i = 0; i < bits.length; i++) {
      text.append((flags >> bits[i] & 1) != 0 ? letters.charAt(i) : '-');
    }
    return text.toString();
  }

  private void segments() {
    for (String name : SEGMENTS) {
      String shown = name.toUpperCase(Locale.ROOT);
      if (!has(name + ".limit")) {
        cpu.find(name + ".selector").ifPresent(s -> out.printf("%-3s=%04x%n", shown, s.value()));
        cpu.find(name + ".base").ifPresent(b -> out.printf("%-3s base %016x%n", shown, b.value()));
        continue;
      }
      int flags = (int) get(name + ".flags");
      out.printf(
          "%-3s=%04x %s %08x %08x%s%n",
          name.equals("ldt") ? "LDT" : shown,
          get(name + ".selector"),
          number(name + ".base"),
          get(name + ".limit"),
          flags & DESCRIPTOR_BITS,
          SegmentText.of(cpu, flags));
    }
    for (String table : List.of("gdt", "idt")) {
      if (has(table + ".base")) {
        out.printf(
            "%s=     %s %08x%n",
            table.toUpperCase(Locale.ROOT), longNumber(table + ".base"), get(table + ".limit"));
      }
    }
  }

  /** As wide as an address is: QEMU prints these by EFER.LMA, not by the code segment. */
  private String longNumber(String name) {
    return wide || cpu.longMode()
        ? "%016x".formatted(get(name))
        : "%08x".formatted((int) get(name));
  }

  private void control() {
    if (!has("cr0")) {
      return;
    }
    out.printf(
        "CR0=%08x CR2=%s CR3=%s CR4=%08x%s%n",
        get("cr0"),
        longNumber("cr2"),
        longNumber("cr3"),
        get("cr4"),
        cpu.find("cr8").map(cr8 -> " CR8=" + cr8.value()).orElse(""));
    if (has("dr0")) {
      lines(List.of(debug(0), debug(1), debug(2), debug(3)), 4);
      out.printf("%s %s%n", debug(6), debug(7));
    }
    bits("CR0", "cr0");
    bits("CR4", "cr4");
    bits("DR7", "dr7");
    bits("RFL", "rflags");
    cpu.find("efer")
        .ifPresent(
            efer -> out.printf("EFER=%016x [%s]%n", efer.value(), names("efer", efer.value())));
    cpu.find("xcr0")
        .ifPresent(
            xcr0 -> out.printf("XCR0=%016x [%s]%n", xcr0.value(), names("xcr0", xcr0.value())));
  }

  private String debug(int i) {
    return "DR%d=%s".formatted(i, "%016x".formatted(get("dr" + i)));
  }

  private static String names(String register, long value) {
    return String.join(" ", BitNames.set(register, value));
  }

  private void bits(String shown, String register) {
    String names = names(register, get(register));
    if (!names.isEmpty()) {
      out.printf("  %s [%s]%n", shown, names);
    }
  }

  /** Only what is there: a CPU at rest has none of it. */
  private void pending() {
    List<String> events = new ArrayList<>();
    for (Register event : cpu.views(RegisterGroup.EVENT)) {
      String name = event.name();
      long rest =
          name.equals("interrupt_injected") || name.startsWith("exception_") && event.signed()
              ? -1
              : 0;
      boolean hidden =
          List.of("halted", "hflags", "hflags2", "a20_mask", "smbase", "cr8").contains(name)
              || name.equals("exception_index") // EXCP_HLT and the like: QEMU's own
              || name.endsWith(".unusable")
              || isStale(name);
      if (!hidden && Long.parseLong(signedText(event)) != rest) {
        String bits = names(name, event.value());
        events.add(name + "=" + event.text() + (bits.isEmpty() ? "" : " [" + bits + "]"));
      }
    }
    if (!events.isEmpty()) {
      out.printf("PENDING %s%n", String.join(", ", events));
    }
  }

  /** KVM leaves the number of the last interrupt and exception where it was. */
  private boolean isStale(String event) {
    if (cpu.find("irq_injected").isEmpty()) {
      return false;
    }
    return switch (event) {
      case "irq_vector", "soft_interrupt" -> get("irq_injected") == 0;
      case "exception_nr", "has_error_code", "error_code" ->
          get("exception_injected") == 0 && get("exception_pending") == 0;
      default -> false;
    };
  }

  private static String signedText(Register event) {
    return event.signed() ? event.text() : Long.toString(event.value());
  }

  private void fpu() {
    if (!has("fctrl")) {
      return;
    }
    out.printf(
        "FCW=%04x FSW=%04x [ST=%d] FTW=%02x MXCSR=%08x%n",
        get("fctrl"), get("fstat"), get("fstat") >> 11 & 7, get("ftag"), get("mxcsr"));
    bits("MXCSR", "mxcsr");
    if (has("fop")) {
      out.printf("FOP=%04x FIP=%016x FDP=%016x%n", get("fop"), get("fip"), get("fdp"));
    }
    List<String> words = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      Optional<Register> register = cpu.find("fpr" + i);
      if (register.isPresent()) {
        words.add("FPR%d=%016x %04x".formatted(i, register.get().word(0), register.get().word(1)));
      }
    }
    lines(words, 2);
  }

  private void sse() {
    List<String> words = new ArrayList<>();
    for (int i = 0; i < (wide ? 16 : 8) && has("xmm" + i); i++) {
      words.add("XMM%02d=%s".formatted(i, vector("xmm" + i, 2)));
    }
    lines(words, 2);
  }

  /**
   * As wide as the guest has enabled or uses them, which is how {@code info registers} shows them.
   */
  private void avx() {
    long enabled = XsaveArea.components(cpu);
    if ((enabled & AVX512) == AVX512) {
      List<String> words = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        words.add("Opmask%02d=%016x".formatted(i, get("k" + i)));
      }
      lines(words, 4);
      for (int i = 0; i < (wide ? 32 : 8); i++) {
        out.printf("ZMM%02d=%s%n", i, vector(has("zmm" + i) ? "zmm" + i : "ymm" + i, 8));
      }
    } else if ((enabled & AVX) == AVX) {
      for (int i = 0; i < (wide ? 16 : 8); i++) {
        out.printf("YMM%02d=%s%n", i, vector(has("ymm" + i) ? "ymm" + i : "xmm" + i, 4));
      }
    } else {
      sse();
    }
    for (String name : List.of("bnd0", "bnd1", "bnd2", "bnd3", "bndcfgu", "bndstatus", "pkru")) {
      cpu.find(name).ifPresent(r -> out.printf("%s=%s%n", name.toUpperCase(Locale.ROOT), r.text()));
    }
  }

  /** Highest word first, as QEMU prints them. */
  private String vector(String name, int words) {
    Optional<Register> register = cpu.find(name);
    StringBuilder text = new StringBuilder();
    for (int i = words; i-- > 0; ) {
      text.append(
          "%s%016x"
              .formatted(
                  text.isEmpty() ? "" : " ", register.isPresent() ? register.get().word(i) : 0));
    }
    return text.toString();
  }

  private void msrs() {
    int zero = 0;
    for (Register msr : cpu.views(RegisterGroup.MSR)) {
      if (msr.value() == 0) {
        zero++;
        continue;
      }
      String bits = names(msr.name(), msr.value());
      out.printf(
          "MSR %08x %-36s %016x%s%n",
          MsrTable.number(msr.name()),
          msr.name().startsWith("msr.") ? msr.name().substring(4) : "-",
          msr.value(),
          bits.isEmpty() ? "" : " [" + bits + "]");
    }
    if (zero > 0) {
      out.printf("MSR %d more are 0%n", zero);
    }
  }

  private void lines(List<String> words, int perLine) {
    for (int i = 0; i < words.size(); i += perLine) {
      out.println(String.join(" ", words.subList(i, Math.min(words.size(), i + perLine))));
    }
  }
}
