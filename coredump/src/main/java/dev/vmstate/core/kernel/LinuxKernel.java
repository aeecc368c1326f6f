package dev.vmstate.core.kernel;

import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.GuestMemory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The Linux kernel that runs in a guest, x86-64 with four or five levels of page tables or i386.
 *
 * @param image its memory by its own tables, and where its code and data are
 * @param release e.g. {@code 6.1.0-32-amd64}
 * @param banner what it says of itself: {@code Linux version 6.1.0-32-amd64 (…) #1 SMP …}
 * @param physBase phys_base: guest-physical address of the image minus its virtual one plus {@link
 *     KernelImage#START_KERNEL_MAP}; may be negative; 0 on i386
 * @param kernelOffset how far it was moved from where it was linked to be, as VMCOREINFO's
 *     KERNELOFFSET; taken from where the image starts, for the usual CONFIG_PHYSICAL_START of 16
 *     MiB
 * @param pageOffsetBase where all memory is mapped: page_offset_base, PAGE_OFFSET on i386
 * @param vmallocBase vmalloc_base
 * @param vmemmapBase vmemmap_base, the array of struct page
 * @param levels of its page tables, 2 to 5
 * @param evidence how it was found and what else was looked at, in sentences for people
 */
public record LinuxKernel(
    KernelImage image,
    String release,
    String banner,
    long physBase,
    long kernelOffset,
    OptionalLong pageOffsetBase,
    OptionalLong vmallocBase,
    OptionalLong vmemmapBase,
    int levels,
    List<String> evidence) {
  /** CONFIG_PHYSICAL_START; distributions leave it alone. */
  private static final long PHYSICAL_START = 16L << 20;

  public LinuxKernel {
    evidence = List.copyOf(evidence);
  }

  /**
   * Finds it. The tables of the CPUs decide; all of RAM is read, once and in order, only when no
   * CPU has a Linux kernel's.
   *
   * @param cpus as the snapshot has them; there may be none
   */
  public static Optional<LinuxKernel> find(GuestMemory memory, List<X86Cpu> cpus)
      throws IOException {
    return new KernelSearch(memory).find(cpus);
  }

  /** The same, but never searches RAM: the one whose tables a CPU has, if any does. */
  public static Optional<LinuxKernel> findRunning(GuestMemory memory, List<X86Cpu> cpus)
      throws IOException {
    return new KernelSearch(memory).running(cpus);
  }

  /** Everything else follows from the image. */
  static LinuxKernel of(KernelImage image, LinuxBanner banner, List<String> evidence)
      throws IOException {
    int levels = image.memory().tables().mode().levels();
    long physical = image.physicalStart();
    if (!image.memory().tables().mode().hasKernelHalf()) {
      long pageOffset = image.start() - physical;
      return new LinuxKernel(
          image,
          banner.release(),
          banner.text(),
          0,
          physical - PHYSICAL_START,
          OptionalLong.of(pageOffset),
          OptionalLong.empty(),
          OptionalLong.empty(),
          levels,
          evidence);
    }
    KernelBases bases = KernelBases.of(image);
    long linked = image.start() - KernelImage.START_KERNEL_MAP;
    return new LinuxKernel(
        image,
        banner.release(),
        banner.text(),
        physical - linked,
        linked - PHYSICAL_START,
        bases.pageOffset(),
        bases.vmalloc(),
        bases.vmemmap(),
        levels,
        evidence);
  }

  /** The same with another sentence. */
  public LinuxKernel with(String more) {
    List<String> all = new ArrayList<>(evidence);
    all.add(more);
    return new LinuxKernel(
        image,
        release,
        banner,
        physBase,
        kernelOffset,
        pageOffsetBase,
        vmallocBase,
        vmemmapBase,
        levels,
        all);
  }
}
