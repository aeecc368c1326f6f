package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Which areas a core has the bytes of: all, or those the guest's kernel would write with a given
 * {@code /proc/PID/coredump_filter}. Bits are those of core(5). Source: {@code fs/coredump.c},
 * vma_dump_size.
 *
 * @param bits empty for everything there is
 */
public record DumpFilter(OptionalLong bits) {
  /** Everything that can be read: a debugger needs no file of the guest then. */
  public static final DumpFilter ALL = new DumpFilter(OptionalLong.empty());

  /** The whole area only if it begins as an ELF file does; then its first page. */
  static final long IF_ELF = -1;

  private static final int ANON_PRIVATE = 0;
  private static final int ANON_SHARED = 1;
  private static final int MAPPED_PRIVATE = 2;
  private static final int MAPPED_SHARED = 3;
  private static final int ELF_HEADERS = 4;
  private static final int HUGETLB_PRIVATE = 5;
  private static final int HUGETLB_SHARED = 6;
  private static final int DAX_PRIVATE = 7;
  private static final int DAX_SHARED = 8;

  /** {@code MMF_DUMP_FILTER_SHIFT}: two bits of {@code dumpable} come first. */
  private static final int FILTER_SHIFT = 2;

  private static final long FILTER_MASK = 0x1ff;
  private static final long S_DAX = 1 << 13;
  private static final long EXECUTABLE = 0111;

  /** The bits as core(5) has them. */
  public static DumpFilter of(long bits) {
    return new DumpFilter(OptionalLong.of(bits & FILTER_MASK));
  }

  /** What the process itself has in its {@code coredump_filter}. */
  public static DumpFilter ofGuest(KernelObject mm) throws IOException {
    return of(mm.number("flags") >>> FILTER_SHIFT);
  }

  private boolean has(int bit) {
    return (bits.orElse(0) >>> bit & 1) != 0;
  }

  /** Whether the guest's kernel would have written this page: it does not read a device's. */
  boolean reads(Vma vma) {
    return bits.isEmpty() || (vma.flags() & (VmFlags.VM_IO | VmFlags.VM_PFNMAP)) == 0;
  }

  /** Bytes of the area from its start on, or {@link #IF_ELF}. */
  long bytes(Vma vma) throws IOException {
    if (bits.isEmpty() || vma.special()) {
      return vma.bytes();
    }
    if ((vma.flags() & VmFlags.VM_DONTDUMP) != 0) {
      return 0;
    }
    Optional<KernelObject> inode = inode(vma);
    if (inode.isPresent() && (inode.get().number("i_flags") & S_DAX) != 0) {
      return has(vma.shared() ? DAX_SHARED : DAX_PRIVATE) ? vma.bytes() : 0;
    }
    if (vma.hugetlb()) {
      return has(vma.shared() ? HUGETLB_SHARED : HUGETLB_PRIVATE) ? vma.bytes() : 0;
    }
    if ((vma.flags() & VmFlags.VM_IO) != 0) {
      return 0;
    }
    if (vma.shared()) {
      boolean named = inode.isPresent() && inode.get().number("i_nlink") != 0;
      return has(named ? MAPPED_SHARED : ANON_SHARED) ? vma.bytes() : 0;
    }
    if (has(ANON_PRIVATE) && vma.area().number("anon_vma") != 0) {
      return vma.bytes();
    }
    if (inode.isEmpty()) {
      return 0;
    }
    return has(MAPPED_PRIVATE) ? vma.bytes() : header(vma, inode.get());
  }

  private long header(Vma vma, KernelObject inode) throws IOException {
    if (!has(ELF_HEADERS) || vma.pgoff() != 0 || (vma.flags() & VmFlags.VM_READ) == 0) {
      return 0;
    }
    // Executable files without asking what they are (5.11), and ELF files without that right
    // (5.18).
    return (inode.number("i_mode") & EXECUTABLE) != 0 ? Math.min(4096, vma.bytes()) : IF_ELF;
  }

  private static Optional<KernelObject> inode(Vma vma) throws IOException {
    return vma.file().isEmpty() ? Optional.empty() : vma.file().get().follow("f_inode", "inode");
  }
}
