package dev.vmstate.core.kernel;

import dev.vmstate.core.paging.PageTables;
import dev.vmstate.core.paging.PagingMode;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Page tables that a CPU uses, or goes back to: what runs in system management mode, and the guest
 * of a hypervisor in this guest, borrowed the CPU, and its owner's CR3 is kept in memory.
 *
 * @param cpu whose
 * @param tables the kernel's own ones, where page-table isolation has two
 * @param how where CR3 was read, for people
 */
record TablesInUse(X86Cpu cpu, PageTables tables, String how) {
  /** HF_SMM_MASK and HF_GUEST_MASK, {@code target/i386/cpu.h}. */
  private static final long IN_SMM = 1L << 19;

  private static final long IN_GUEST = 1L << 21;
  private static final long CR0_PG = 1L << 31;
  private static final long EFER_LMA = 1L << 10;
  private static final long SMM_REVISION = 0x7efc;

  /** Where the video card hides SMRAM from whoever is not in SMM. */
  private static final long COMPATIBLE_SMRAM = 0xa0000;

  /** Where one kind of saved state has the registers; all offsets as QEMU counts them. */
  private record SavedState(int cr0, int cr3, int cr4, int efer, boolean wide) {}

  /** {@code target/i386/tcg/system/smm_helper.c}, sm_state_init_64_amd; KVM's is the same. */
  private static final SavedState AMD64 = new SavedState(0x7f58, 0x7f50, 0x7f48, 0x7ed0, true);

  /** sm_state_init_64_intel there. */
  private static final SavedState INTEL64 = new SavedState(0x7ff8, 0x7ff0, 0x7e40, 0x7fe0, true);

  /** sm_state_init_32 there. */
  private static final SavedState SMM32 = new SavedState(0x7ffc, 0x7ff8, 0x7f14, -1, false);

  /** struct vmcb, {@code target/i386/svm.h}: the state save area begins at 0x400. */
  private static final SavedState VMCB = new SavedState(0x558, 0x550, 0x548, 0x4d0, true);

  /** Those of {@code cpu}, the ones to believe first in front. */
  static List<TablesInUse> of(GuestMemory memory, X86Cpu cpu) throws IOException {
    List<TablesInUse> found = new ArrayList<>();
    long hidden = cpu.find("hflags").map(Register::value).orElse(0L);
    if ((hidden & IN_SMM) != 0) {
      long state = cpu.find("smbase").map(Register::value).orElse(0x30000L) + 0x8000;
      SavedState saved =
          switch ((int) word(memory, state + SMM_REVISION, 4)) {
            case 0x0002_0064 -> AMD64;
            case 0x0003_0004 -> INTEL64;
            default -> SMM32;
          };
      saved(memory, saved, state)
          .ifPresent(
              tables ->
                  found.add(
                      new TablesInUse(
                          cpu, tables, "CR3 as system management mode saved it in SMRAM")));
    }
    if ((hidden & IN_GUEST) != 0) {
      long area = cpu.find("msr.AMD_VM_HSAVE_PA").map(Register::value).orElse(0L);
      saved(memory, VMCB, area)
          .ifPresent(
              tables ->
                  found.add(
                      new TablesInUse(
                          cpu, tables, "CR3 of the host that runs a guest on this CPU (VMRUN)")));
    }
    Optional<PageTables> own = PageTables.of(memory, cpu);
    if (own.isPresent()) {
      PagingMode mode = own.get().mode();
      boolean copy = own.get().root() != mode.root(cpu.get("cr3"));
      found.add(
          new TablesInUse(
              cpu,
              own.get(),
              copy ? "CR3, a user copy of page-table isolation, and the table below it" : "CR3"));
    }
    return found;
  }

  /** Whether it will never run again: halted without interrupts, as after a crash's last NMI. */
  boolean dead() {
    boolean halted = cpu.find("halted").map(Register::value).orElse(0L) != 0;
    return halted && (cpu.get("rflags") & 1 << 9) == 0;
  }

  private static Optional<PageTables> saved(GuestMemory memory, SavedState at, long area)
      throws IOException {
    int bytes = at.wide() ? 8 : 4;
    long cr0 = word(memory, area + at.cr0(), 4);
    long cr3 = word(memory, area + at.cr3(), bytes);
    long cr4 = word(memory, area + at.cr4(), 4);
    boolean longMode = at.efer() >= 0 && (word(memory, area + at.efer(), 8) & EFER_LMA) != 0;
    if ((cr0 & CR0_PG) == 0) {
      return Optional.empty();
    }
    return Optional.of(PageTables.of(memory, PagingMode.of(longMode, cr4), cr3));
  }

  /** What SMRAM hides lies in the block that is main memory's first. */
  private static long word(GuestMemory memory, long address, int bytes) throws IOException {
    ByteBuffer word = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    word.limit(bytes);
    try {
      memory.readPhysical(address, word);
    } catch (UnmappedAddressException outside) {
      Optional<MemoryMap.Range> first = memory.map().at(0);
      boolean hides = address >= COMPATIBLE_SMRAM && address < COMPATIBLE_SMRAM + 0x20000;
      if (!hides || first.isEmpty() || first.get().offset() != 0) {
        return 0;
      }
      int block = first.get().block();
      if (memory.map().blocks().get(block).bytes() < address + bytes) {
        return 0;
      }
      memory.readBlock(block, address, word.position(0));
    }
    return word.clear().getLong(0);
  }
}
