package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The page of vsyscalls, which x86-64 has at the same address in every process and no process in
 * its own list. Source: {@code arch/x86/entry/vsyscall/vsyscall_64.c}, get_gate_vma.
 */
final class Gate {
  private static final long VSYSCALL_ADDR = 0xffff_ffff_ff60_0000L;

  /** {@code MM_CONTEXT_HAS_VSYSCALL}: not of 32-bit programs. */
  private static final int HAS_VSYSCALL = 2;

  private static final int VSYSCALL_NONE = 2;

  private Gate() {}

  static Optional<Vma> of(KernelObject mm, VmaNames names) throws IOException {
    KernelObjects objects = mm.objects();
    OptionalLong gate = objects.address("gate_vma");
    OptionalLong mode = objects.address("vsyscall_mode");
    if (gate.isEmpty()
        || mode.isPresent() && objects.memory().u32(mode.getAsLong()) == VSYSCALL_NONE
        || mm.has("context.flags") && (mm.number("context.flags") & HAS_VSYSCALL) == 0) {
      return Optional.empty();
    }
    Vma vma = AddressSpace.vma(objects.at("vm_area_struct", gate.getAsLong()), names);
    return vma.start() == VSYSCALL_ADDR && vma.bytes() == 4096
        ? Optional.of(vma)
        : Optional.empty();
  }
}
