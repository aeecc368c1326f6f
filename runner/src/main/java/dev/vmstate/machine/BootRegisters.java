package dev.vmstate.machine;

import dev.vmstate.kvmstate.StateValue;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The registers of a vCPU before its first instruction.
 *
 * <p>All general registers are 0 but these: {@code rdi} is the number of the vCPU, {@code rsp} its
 * stack (of real mode: 0x1000 less 0x200 for each vCPU before, where the payload begins behind;
 * else 0), and what PVH ({@code ebx}) and multiboot ({@code eax}, {@code ebx}) say. Interrupts are
 * off, there is no IDT outside real mode.
 */
final class BootRegisters {
  private static final int MULTIBOOT_LOADED = 0x2badb002;
  private static final long REAL_STACK = 0x1000;
  private static final int REAL_STACK_SIZE = 0x200;
  private static final int REAL_LIMIT = 0xffff;
  private static final int RFLAGS_RESERVED = 2;
  private static final long CR0_PE = 1;
  private static final long CR0_ET = 0x10;

  /** PE, MP, ET, NE, WP, AM, PG. */
  private static final long CR0_LONG = 0x80050033L;

  /** PAE, OSFXSR, OSXMMEXCPT. */
  private static final long CR4_LONG = 0x620;

  /** LME, LMA. */
  private static final long EFER_LONG = 0x500;

  private static final int CODE = 0xb;
  private static final int DATA = 3;
  private static final int BUSY_TSS = 0xb;
  private static final List<String> DATA_SEGMENTS = List.of("ds", "es", "fs", "gs", "ss");

  /** What {@link #set} takes. */
  static final List<String> GENERAL =
      List.of(
          "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12",
          "r13", "r14", "r15", "rip", "rflags");

  /** Control registers that it takes. */
  static final List<String> CONTROL = List.of("cr0", "cr2", "cr3", "cr4", "efer");

  private final Payload payload;
  private final @Nullable BootArea area;

  /** {@code area} is null in real mode. */
  BootRegisters(Payload payload, @Nullable BootArea area) {
    this.payload = payload;
    this.area = area;
  }

  /** Makes registers as KVM gave them to vCPU {@code cpu} those of the first instruction. */
  void boot(int cpu, StateValue regs, StateValue sregs) {
    for (String name : GENERAL) {
      regs.set(name, 0);
    }
    regs.set("rdi", cpu).set("rip", payload.entry()).set("rflags", RFLAGS_RESERVED);
    if (area == null) {
      real(cpu, regs, sregs);
    } else {
      flat(cpu, regs, sregs, area);
    }
  }

  private void real(int cpu, StateValue regs, StateValue sregs) {
    long entry = payload.entry();
    boolean low = payload.pieces().get(0).gpa() < REAL_STACK || cpu >= REAL_STACK / REAL_STACK_SIZE;
    regs.set("rsp", low ? 0 : REAL_STACK - (long) cpu * REAL_STACK_SIZE);
    regs.set("rip", entry & REAL_LIMIT);
    for (String name : DATA_SEGMENTS) {
      segment(sregs, name, 0, DATA, REAL_LIMIT);
    }
    // Base 0, so that rip is the address; behind 64 KiB the segment it is in.
    segment(sregs, "cs", (int) (entry >> 4) & 0xf000, CODE, REAL_LIMIT);
    sregs.set("cs.base", entry & ~(long) REAL_LIMIT);
    sregs.set("idt.base", 0).set("idt.limit", REAL_LIMIT);
    sregs.set("cr0", CR0_ET).set("cr4", 0).set("efer", 0);
  }

  private void flat(int cpu, StateValue regs, StateValue sregs, BootArea boot) {
    boolean wide = payload.mode() == BootMode.LONG64;
    regs.set("rsp", boot.stack(cpu));
    for (String name : DATA_SEGMENTS) {
      segment(sregs, name, BootArea.DATA, DATA, 0xffff_ffffL);
      sregs.set(name + ".db", 1).set(name + ".g", 1);
    }
    segment(sregs, "cs", wide ? BootArea.CODE64 : BootArea.CODE32, CODE, 0xffff_ffffL);
    sregs.set("cs.db", wide ? 0 : 1).set("cs.l", wide ? 1 : 0).set("cs.g", 1);
    segment(sregs, "tr", BootArea.TSS, BUSY_TSS, BootArea.TSS_LIMIT);
    sregs.set("tr.s", 0).set("tr.base", boot.tss());
    sregs.set("gdt.base", boot.gdt()).set("gdt.limit", BootArea.GDT_LIMIT);
    sregs.set("idt.base", 0).set("idt.limit", 0);
    if (wide) {
      sregs.set("cr3", boot.root()).set("cr0", CR0_LONG).set("cr4", CR4_LONG);
      sregs.set("efer", EFER_LONG);
    } else {
      sregs.set("cr0", CR0_PE | CR0_ET).set("cr4", 0).set("efer", 0);
    }
    if (payload.protocol() != Payload.Protocol.NONE) {
      regs.set("rbx", boot.information());
    }
    if (payload.protocol() == Payload.Protocol.MULTIBOOT) {
      regs.set("rax", MULTIBOOT_LOADED);
    }
  }

  private static void segment(StateValue sregs, String name, int selector, int type, long limit) {
    sregs.set(name + ".base", 0).set(name + ".limit", limit).set(name + ".selector", selector);
    sregs.set(name + ".type", type).set(name + ".s", 1).set(name + ".present", 1);
    sregs.set(name + ".dpl", 0).set(name + ".db", 0).set(name + ".l", 0).set(name + ".g", 0);
    sregs.set(name + ".avl", 0).set(name + ".unusable", 0);
  }

  /**
   * Sets registers by their names.
   *
   * @throws IllegalArgumentException when there is none of such a name
   */
  static void set(Map<String, Long> registers, StateValue regs, StateValue sregs) {
    registers.forEach(
        (name, value) -> {
          if (name.equals("rflags")) {
            regs.set(name, value | RFLAGS_RESERVED);
          } else if (GENERAL.contains(name)) {
            regs.set(name, value);
          } else if (CONTROL.contains(name)) {
            sregs.set(name, value);
          } else {
            throw unknown(name);
          }
        });
  }

  /** Checks names before a machine is made. */
  static void check(Map<String, Long> registers) {
    for (String name : registers.keySet()) {
      if (!GENERAL.contains(name) && !CONTROL.contains(name)) {
        throw unknown(name);
      }
    }
  }

  private static IllegalArgumentException unknown(String name) {
    return new IllegalArgumentException(
        "'%s' is no register that can be set: %s, %s"
            .formatted(name, String.join(", ", GENERAL), String.join(", ", CONTROL)));
  }
}
