package dev.vmstate.core.physical;

import dev.vmstate.core.kallsyms.Kallsyms;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The memory map a Linux was started with, whatever its boot loader and firmware: {@code
 * boot_params.e820_table}. What options like {@code mem=} make of it is elsewhere.
 *
 * <p>Source: Linux, {@code arch/x86/include/uapi/asm/bootparam.h} (struct boot_params, packed).
 */
final class LinuxE820 {
  private static final int COUNT_AT = 0x1e8;
  private static final int TABLE_AT = 0x2d0;

  /** E820_MAX_ENTRIES_ZEROPAGE. */
  private static final int MOST = 128;

  private LinuxE820() {}

  /**
   * That of the kernel a CPU runs. Reads page tables and the kernel's image, not all of RAM; {@code
   * memory} need be right only where those are.
   */
  static Optional<E820> in(GuestMemory memory, List<X86Cpu> cpus) throws IOException {
    Optional<LinuxKernel> kernel = LinuxKernel.findRunning(memory, cpus);
    if (kernel.isEmpty()) {
      return Optional.empty();
    }
    Optional<SymbolTable> symbols = Kallsyms.find(kernel.get().image()).symbols();
    OptionalLong at = symbols.map(s -> s.address("boot_params")).orElse(OptionalLong.empty());
    return at.isEmpty() ? Optional.empty() : at(kernel.get().image().memory(), at.getAsLong());
  }

  private static Optional<E820> at(KernelMemory virtual, long bootParams) throws IOException {
    long last = bootParams + TABLE_AT + MOST * E820.ENTRY - 1; // in the next page, perhaps
    if (!virtual.isRam(bootParams) || !virtual.isRam(last)) {
      return Optional.empty();
    }
    int count = virtual.u8(bootParams + COUNT_AT);
    if (count == 0 || count > MOST) {
      return Optional.empty();
    }
    byte[] table = virtual.bytes(bootParams + TABLE_AT, count * E820.ENTRY);
    return E820.of(ByteBuffer.wrap(table).order(ByteOrder.LITTLE_ENDIAN));
  }
}
