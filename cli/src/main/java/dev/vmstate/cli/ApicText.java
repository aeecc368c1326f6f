package dev.vmstate.cli;

import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import java.io.PrintWriter;
import java.util.List;

/** A local APIC in the shape of QEMU's {@code info lapic} ({@code target/i386/cpu-dump.c}). */
final class ApicText {
  private static final String[] MODES = {
    "Fixed", "...", "SMI", "...", "NMI", "INIT", "...", "ExtINT"
  };
  private static final String[] SHORTHANDS = {"no-shorthand", "self", "all-self", "all"};
  private static final int MODE_NMI = 4;

  private final X86Cpu cpu;
  private final PrintWriter out;

  ApicText(X86Cpu cpu, PrintWriter out) {
    this.cpu = cpu;
    this.out = out;
  }

  private long get(String name) {
    return cpu.find("apic." + name).map(Register::value).orElse(0L);
  }

  void print() {
    out.printf("APIC id %d base %016x%n", get("id"), get("base"));
    lvt("LVT0", "lvt_lint0");
    lvt("LVT1", "lvt_lint1");
    lvt("LVTPC", "lvt_perf");
    lvt("LVTERR", "lvt_error");
    lvt("LVTTHMR", "lvt_thermal");
    lvt("LVTT", "lvt_timer");
    out.printf(
        "Timer\t DCR=0x%x (divide by %d) initial_count = %d%s%n",
        get("divide") & 0xb,
        divider(get("divide")),
        get("initial_count"),
        cpu.find("apic.current_count")
            .map(count -> " current_count = " + count.value())
            .orElse(""));
    long svr = get("svr");
    out.printf(
        "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %d%n",
        svr,
        (svr & 0x100) != 0 ? "enabled" : "disabled",
        (svr & 0x200) != 0 ? "on" : "off",
        svr & 0xff);
    long icr = get("icr");
    out.printf(
        "ICR\t 0x%08x %s %s %s %s (vec %d)%n",
        icr & 0xffff_ffffL,
        (icr & 1 << 11) != 0 ? "logical" : "physical",
        (icr & 1 << 15) != 0 ? "level" : "edge",
        (icr & 1 << 14) != 0 ? "assert" : "de-assert",
        SHORTHANDS[(int) (icr >> 18 & 3)],
        icr & 0xff);
    out.printf("ICR2\t 0x%08x%n", icr >>> 32);
    out.printf("ESR\t 0x%08x%n", get("esr"));
    for (String bitmap : List.of("isr", "irr")) {
      out.printf("%s\t %s%n", bitmap.toUpperCase(java.util.Locale.ROOT), vectors(bitmap));
    }
    out.printf(
        "APR 0x%02x TPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x%n",
        get("arb"), get("tpr"), get("dfr"), get("ldr"), priority());
    cpu.find("apic.wait_for_sipi")
        .filter(wait -> wait.value() != 0)
        .ifPresent(wait -> out.printf("waits for a start-up IPI%n"));
  }

  private void lvt(String shown, String name) {
    long lvt = get(name);
    int mode = (int) (lvt >> 8 & 7);
    String timer =
        !name.equals("lvt_timer")
            ? ""
            : (lvt & 1 << 17) != 0
                ? "periodic"
                : (lvt & 1 << 18) != 0 ? "tsc-deadline" : "one-shot";
    out.printf(
        "%s\t 0x%08x %s %-5s %-6s %-7s %-12s %-6s%s%n",
        shown,
        lvt,
        (lvt & 1 << 13) != 0 ? "active-lo" : "active-hi",
        (lvt & 1 << 15) != 0 ? "level" : "edge",
        (lvt & 1 << 16) != 0 ? "masked" : "",
        (lvt & 1 << 12) != 0 ? "pending" : "",
        timer,
        MODES[mode],
        mode == MODE_NMI ? "" : " (vec %d)".formatted(lvt & 0xff));
  }

  private static int divider(long divide) {
    int value = (int) ((divide & 8) >> 1 | divide & 3);
    return value == 7 ? 1 : 2 << value;
  }

  /** The vectors set in a bitmap, with those marked that are level triggered. */
  private String vectors(String bitmap) {
    Register set = cpu.find("apic." + bitmap).orElse(null);
    Register level = cpu.find("apic.tmr").orElse(null);
    StringBuilder text = new StringBuilder();
    for (int i = 0; set != null && i < set.bits(); i++) {
      if (set.whole().testBit(i)) {
        text.append(i).append(level != null && level.whole().testBit(i) ? "(level) " : " ");
      }
    }
    return text.isEmpty() ? "(none)" : text.toString();
  }

  /** The processor priority: {@code hw/intc/apic.c}, apic_get_ppr. */
  private long priority() {
    int service =
        Math.max(0, cpu.find("apic.isr").map(isr -> isr.whole().bitLength() - 1).orElse(0));
    long tpr = get("tpr");
    return (tpr & 0xf0) >= (service & 0xf0) ? tpr : service & 0xf0;
  }
}
