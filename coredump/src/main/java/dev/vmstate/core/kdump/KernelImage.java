package dev.vmstate.core.kdump;

import dev.vmstate.core.paging.PageTables;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.kdump.Utsname;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What the header of a dump says of a 64-bit Linux kernel: where its image was put, what it calls
 * itself, and its VMCOREINFO.
 *
 * <p>The kernel's image is mapped from {@code __START_KERNEL_map} on; phys_base is how far its
 * physical address is from where it was linked to be. RAM may hold the VMCOREINFO of other kernels
 * too, of the one before a reboot or of a virtual machine in this one: the right one says so of the
 * phys_base that the page tables have.
 *
 * @param vmcoreinfo of the kernel that was running
 * @param physBase guest-physical address minus virtual address plus {@code __START_KERNEL_map}
 * @param utsname what it calls itself; the machine alone when that is not known
 */
record KernelImage(Optional<Vmcoreinfo> vmcoreinfo, long physBase, Utsname utsname) {
  private static final long START_KERNEL_MAP = 0xffff_ffff_8000_0000L;

  /** Where the image may be: KERNEL_IMAGE_SIZE with address space layout randomization. */
  private static final long IMAGE_BYTES = 1L << 30;

  /** CONFIG_PHYSICAL_ALIGN is at least that much on x86-64. */
  private static final long ALIGNMENT = 2L << 20;

  private static final String MACHINE = "x86_64";

  /**
   * Looks at the page tables of the CPUs.
   *
   * @param candidates every VMCOREINFO that was found in RAM
   */
  static KernelImage find(GuestMemory memory, List<X86Cpu> cpus, List<Vmcoreinfo> candidates)
      throws IOException {
    List<PageTables> tables = new ArrayList<>();
    for (X86Cpu cpu : cpus) {
      PageTables.of(memory, cpu).filter(t -> t.mode().hasKernelHalf()).ifPresent(tables::add);
    }
    for (PageTables table : tables) {
      OptionalLong physBase = physBase(table);
      if (physBase.isEmpty()) {
        continue;
      }
      Optional<Vmcoreinfo> running = Optional.empty();
      for (Vmcoreinfo info : candidates) {
        running = running.isEmpty() && isOf(info, table, physBase) ? Optional.of(info) : running;
      }
      Utsname name = Utsname.ofMachine(MACHINE);
      if (running.isPresent()) {
        name = utsname(table, running.get()).orElse(ofRelease(running.get()));
      }
      return new KernelImage(running, physBase.getAsLong(), name);
    }
    return unmapped(candidates);
  }

  /** Kernels before 4.10 do not say their phys_base. */
  private static boolean isOf(Vmcoreinfo info, PageTables tables, OptionalLong physBase)
      throws IOException {
    return info.physBase().isPresent()
        ? info.physBase().equals(physBase)
        : tables.translate(info.symbol("_stext").orElse(0)).isPresent();
  }

  /** Without page tables to ask there is nothing better than the only one there is. */
  private static KernelImage unmapped(List<Vmcoreinfo> candidates) {
    if (candidates.stream().map(Vmcoreinfo::release).distinct().count() != 1) {
      return new KernelImage(Optional.empty(), 0, Utsname.ofMachine(MACHINE));
    }
    Vmcoreinfo only = candidates.get(0);
    return new KernelImage(Optional.of(only), only.physBase().orElse(0), ofRelease(only));
  }

  private static Utsname ofRelease(Vmcoreinfo info) {
    return new Utsname("Linux", "", info.release(), "", MACHINE, "");
  }

  private static OptionalLong physBase(PageTables tables) throws IOException {
    for (long at = 0; at < IMAGE_BYTES; at += ALIGNMENT) {
      OptionalLong physical = tables.translate(START_KERNEL_MAP + at);
      if (physical.isPresent()) {
        return OptionalLong.of(physical.getAsLong() - at);
      }
    }
    return OptionalLong.empty();
  }

  private static Optional<Utsname> utsname(PageTables tables, Vmcoreinfo info) throws IOException {
    OptionalLong namespace = info.symbol("init_uts_ns");
    OptionalLong name = info.offset("uts_namespace.name");
    if (namespace.isEmpty() || name.isEmpty()) {
      return Optional.empty();
    }
    ByteBuffer bytes = ByteBuffer.allocate(Utsname.BYTES);
    try {
      tables.read(namespace.getAsLong() + name.getAsLong(), bytes);
    } catch (UnmappedAddressException e) {
      return Optional.empty();
    }
    Utsname found = Utsname.decode(bytes.flip());
    return found.release().equals(info.release()) ? Optional.of(found) : Optional.empty();
  }
}
