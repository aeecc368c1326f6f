package dev.vmstate.cli;

import dev.vmstate.cpu.BitNames;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;

/** One CPU as gdb's {@code info registers} prints a thread of the core file. */
final class CpuGdbText {
  private static final List<String> NUMBERS =
      List.of(
          "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
          "r13", "r14", "r15", "rip", "eflags", "cs", "ss", "ds", "es", "fs", "gs", "fs_base",
          "gs_base");

  private static final List<String> ADDRESSES = List.of("rbp", "rsp", "rip");

  private CpuGdbText() {}

  static void print(X86Cpu cpu, PrintWriter out) {
    for (String name : NUMBERS) {
      long value = value(cpu, name);
      String hex = "0x" + Long.toHexString(value);
      String second =
          name.equals("eflags")
              ? flags(value)
              : ADDRESSES.contains(name) ? hex : Long.toString(value);
      line(out, name, hex, second);
    }
    for (int i = 0; i < 8; i++) {
      Optional<Register> mask = cpu.find("k" + i);
      if (mask.isPresent()) {
        line(
            out,
            "k" + i,
            "0x" + Long.toHexString(mask.get().value()),
            Long.toUnsignedString(mask.get().value()));
      }
    }
  }

  private static void line(PrintWriter out, String name, String hex, String second) {
    out.printf("%-15s%-20s%s%n", name, hex, second);
  }

  private static long value(X86Cpu cpu, String name) {
    String register =
        switch (name) {
          case "eflags" -> "rflags";
          case "fs_base", "gs_base" -> name.replace('_', '.');
          case "cs", "ss", "ds", "es", "fs", "gs" -> name + ".selector";
          default -> name;
        };
    return cpu.find(register).map(Register::value).orElse(0L);
  }

  /** gdb names single bits alone, and of IOPL its two. */
  private static String flags(long value) {
    StringBuilder text = new StringBuilder("[ ");
    BitNames.set("rflags", value).forEach(name -> text.append(name).append(' '));
    return text.append(']').toString();
  }
}
