package dev.vmstate.core;

import dev.vmstate.bytes.Span;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import java.util.ArrayList;
import java.util.List;

/** CPUs for tests. */
public final class Cpus {
  private Cpus() {}

  /** {@code registers}: lines or words of {@code name=hex}. */
  public static X86Cpu of(int index, String registers) {
    List<Register> list = new ArrayList<>();
    for (String word : registers.trim().split("\\s+")) {
      String[] parts = word.split("=");
      long value = Long.parseUnsignedLong(parts[1], 16);
      list.add(Register.ofField(parts[0], new Span(0, 8), value, "cpu/" + parts[0]));
    }
    return new X86Cpu(index, list);
  }

  /** In 64-bit mode with four-level tables at {@code cr3}. */
  public static X86Cpu long4(int index, long cr3) {
    return of(index, "rip=0 cr0=80000001 efer=500 cr4=20 cr3=" + Long.toHexString(cr3));
  }
}
