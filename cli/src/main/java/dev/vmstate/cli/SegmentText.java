package dev.vmstate.cli;

import dev.vmstate.cpu.X86Cpu;

/**
 * A segment register as QEMU's {@code info registers} describes it ({@code target/i386/cpu-dump.c},
 * cpu_x86_dump_seg_cache).
 */
final class SegmentText {
  private static final int P = 1 << 15;
  private static final int S = 1 << 12;
  private static final int CODE = 1 << 11;
  private static final int L = 1 << 21;
  private static final int DB = 1 << 22;

  private static final String[] SYSTEM_32 = {
    "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16",
    "TrapGate16", "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved",
    "IntGate32", "TrapGate32"
  };

  private static final String[] SYSTEM_64 = {
    "<hiword>",
    "Reserved",
    "LDT",
    "Reserved",
    "Reserved",
    "Reserved",
    "Reserved",
    "Reserved",
    "Reserved",
    "TSS64-avl",
    "Reserved",
    "TSS64-busy",
    "CallGate64",
    "Reserved",
    "IntGate64",
    "TrapGate64"
  };

  private SegmentText() {}

  /** What stands behind the numbers, with a space before it; empty in real mode. */
  static String of(X86Cpu cpu, int flags) {
    if ((cpu.get("cr0") & 1) == 0 || (flags & P) == 0) {
      return "";
    }
    return " DPL=%d %s".formatted(flags >> 13 & 3, type(cpu, flags));
  }

  private static String type(X86Cpu cpu, int flags) {
    if ((flags & S) == 0) {
      return (cpu.longMode() ? SYSTEM_64 : SYSTEM_32)[flags >> 8 & 15];
    }
    if ((flags & CODE) != 0) {
      String bits = (flags & L) != 0 ? "CS64" : (flags & DB) != 0 ? "CS32" : "CS16";
      return bits + letters(flags, 'C', 'R');
    }
    return ((flags & DB) != 0 || cpu.longMode() ? "DS  " : "DS16") + letters(flags, 'E', 'W');
  }

  private static String letters(int flags, char bit10, char bit9) {
    return " [%c%c%c]"
        .formatted(
            (flags & 1 << 10) != 0 ? bit10 : '-',
            (flags & 1 << 9) != 0 ? bit9 : '-',
            (flags & 1 << 8) != 0 ? 'A' : '-');
  }
}
