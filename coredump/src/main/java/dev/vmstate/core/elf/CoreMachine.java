package dev.vmstate.core.elf;

import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.Elf;
import java.util.List;
import java.util.Optional;

/**
 * The e_machine of a core: what gdb takes registers, words and frames for. QEMU goes by the first
 * CPU, so that a guest caught in its boot loader has a core for i386. Here a guest is i386 when its
 * kernel is: a Linux of 32 bits, or, with no Linux, 32-bit paging on some CPU and long mode on
 * none. Firmware and boot loaders run without paging.
 */
public final class CoreMachine {
  private CoreMachine() {}

  /** {@link Elf#EM_X86_64} or {@link Elf#EM_386}. */
  public static int of(List<X86Cpu> cpus, Optional<LinuxKernel> kernel) {
    boolean narrow =
        kernel.isPresent()
            ? kernel.get().image().memory().wordBytes() == 4
            : cpus.stream().anyMatch(X86Cpu::paging) && cpus.stream().noneMatch(X86Cpu::longMode);
    return narrow ? Elf.EM_386 : Elf.EM_X86_64;
  }
}
