package dev.vmstate.cpu;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * One x86 virtual CPU: its registers by name.
 *
 * <p>Names: {@code rax … r15, rip, rflags}; for each of {@code es cs ss ds fs gs ldt tr} the four
 * {@code NAME.selector, NAME.base, NAME.limit, NAME.flags} (flags: the descriptor's second word, as
 * QEMU keeps it); {@code gdt.base, gdt.limit, idt.base, idt.limit}; {@code cr0 cr2 cr3 cr4}; {@code
 * dr0 … dr7}; {@code efer star lstar cstar fmask kernel_gs_base}. A 32-bit QEMU target has no
 * {@code r8 … r15} and 32-bit values. A dump has none of the {@code dr} and, but for {@code
 * kernel_gs_base}, none of the last six.
 */
public final class X86Cpu {
  private static final long CR0_PE = 1L;
  private static final long CR0_PG = 1L << 31;
  private static final long EFER_LMA = 1L << 10;
  private static final long CS_L = 1L << 21;

  private final int index;
  private final Map<String, Register> registers;
  private final boolean longMode;

  /** {@code index} is QEMU's cpu_index; the order of {@code registers} is kept. */
  public X86Cpu(int index, List<Register> registers) {
    this(index, registers, efer(registers));
  }

  /** A CPU of which not EFER itself is known, but whether EFER.LMA is set. */
  public X86Cpu(int index, List<Register> registers, boolean longMode) {
    this.index = index;
    this.registers = new LinkedHashMap<>();
    for (Register register : registers) {
      this.registers.put(register.name(), register);
    }
    this.longMode = longMode;
  }

  private static boolean efer(List<Register> registers) {
    return registers.stream().anyMatch(r -> r.name().equals("efer") && (r.value() & EFER_LMA) != 0);
  }

  /** QEMU's cpu_index. */
  public int index() {
    return index;
  }

  /** All registers, in a fixed order. */
  public List<Register> registers() {
    return List.copyOf(registers.values());
  }

  /** The register of that name. */
  public Optional<Register> find(String name) {
    return Optional.ofNullable(registers.get(name));
  }

  /** The value of a register; 0 for {@code r8 … r15} and long-mode MSRs of a 32-bit target. */
  public long get(String name) {
    Register register = registers.get(name);
    if (register == null && !registers.containsKey("rip")) {
      throw new NoSuchElementException("CPU " + index + " has no register rip");
    }
    return register == null ? 0 : register.value();
  }

  /** The mode the CPU is in. */
  public CpuMode mode() {
    if (!registers.containsKey("cr0") && registers.containsKey("rip")) {
      return CpuMode.UNKNOWN;
    }
    if ((get("cr0") & CR0_PE) == 0) {
      return CpuMode.REAL16;
    }
    if (!longMode) {
      return CpuMode.PROTECTED32;
    }
    return (get("cs.flags") & CS_L) == 0 ? CpuMode.COMPAT32 : CpuMode.LONG64;
  }

  /** Whether CR0.PG is set: virtual addresses go through page tables. */
  public boolean paging() {
    return (get("cr0") & CR0_PG) != 0;
  }

  /** Whether EFER.LMA is set: 4- or 5-level page tables. */
  public boolean longMode() {
    return longMode;
  }
}
