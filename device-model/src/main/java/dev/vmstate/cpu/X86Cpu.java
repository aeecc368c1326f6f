package dev.vmstate.cpu;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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

  private static final Pattern MSR =
      Pattern.compile("msr\\[((?:0[xX][0-9a-fA-F]|[1-9])[0-9a-fA-F]{0,9})]");

  private final int index;
  private final Map<String, Register> registers;
  private final Map<String, Register> views = new LinkedHashMap<>();
  private final boolean longMode;

  /** {@code index} is QEMU's cpu_index; the order of {@code registers} is kept. */
  public X86Cpu(int index, List<Register> registers) {
    this(index, registers, efer(registers));
  }

  /** A CPU with more to it than {@code registers}: see {@link #views}. */
  X86Cpu(int index, List<Register> registers, List<Register> views) {
    this(index, registers);
    views.forEach(view -> this.views.put(view.name(), view));
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

  /**
   * What else there is to it, in a fixed order: {@code st0}, {@code xmm0}, {@code ymm0}, {@code
   * msr.IA32_LSTAR}, {@code apic.tpr}, {@code halted}, … Wider than 64 bits some of them, and the
   * same bytes may be seen by several.
   */
  public List<Register> views() {
    return List.copyOf(views.values());
  }

  /** The views of one group. */
  public List<Register> views(RegisterGroup group) {
    return views.values().stream().filter(view -> view.group() == group).toList();
  }

  /** The register or view of that name; an MSR also as {@code msr[0xc0000082]}. */
  public Optional<Register> find(String name) {
    Register register = registers.get(name);
    if (register == null) {
      register = views.get(name);
    }
    Matcher number = MSR.matcher(name);
    if (register == null && number.matches()) {
      long msr = Long.decode(number.group(1));
      return Optional.ofNullable(
          views.get(MsrTable.name(msr).map(known -> "msr." + known).orElse(MsrTable.unnamed(msr))));
    }
    return Optional.ofNullable(register);
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
