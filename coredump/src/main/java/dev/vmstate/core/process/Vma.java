package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.elf.Elf;
import java.util.Optional;

/**
 * An area of a process's memory, a {@code struct vm_area_struct}.
 *
 * @param area the structure
 * @param start first address
 * @param end behind the last one
 * @param flags {@code vm_flags}
 * @param pgoff {@code vm_pgoff}: pages from the start of the file, 4096 bytes each
 * @param file {@code vm_file}, empty of anonymous memory
 * @param name as {@code /proc/PID/maps} has it: a file's path, {@code [heap]}; empty without one
 * @param special whether the kernel itself put it there: vdso, vvar, vsyscall
 */
public record Vma(
    KernelObject area,
    long start,
    long end,
    long flags,
    long pgoff,
    Optional<KernelObject> file,
    String name,
    boolean special) {
  /** Length. */
  public long bytes() {
    return end - start;
  }

  /** Whether {@code MAP_SHARED}: what is written goes to the file, or to the other processes. */
  public boolean shared() {
    return (flags & VmFlags.VM_SHARED) != 0;
  }

  /** Whether of hugetlbfs: pages of 2 MiB or 1 GiB. */
  public boolean hugetlb() {
    return (flags & VmFlags.VM_HUGETLB) != 0;
  }

  /** {@code p_flags} of its segment. */
  public int programFlags() {
    return ((flags & VmFlags.VM_READ) != 0 ? Elf.PF_R : 0)
        | ((flags & VmFlags.VM_WRITE) != 0 ? Elf.PF_W : 0)
        | ((flags & VmFlags.VM_EXEC) != 0 ? Elf.PF_X : 0);
  }

  /** {@code rw-p}. */
  public String rights() {
    return ((flags & VmFlags.VM_READ) != 0 ? "r" : "-")
        + ((flags & VmFlags.VM_WRITE) != 0 ? "w" : "-")
        + ((flags & VmFlags.VM_EXEC) != 0 ? "x" : "-")
        + ((flags & VmFlags.VM_MAYSHARE) != 0 ? "s" : "p");
  }
}
