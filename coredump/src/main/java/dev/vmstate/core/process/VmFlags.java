package dev.vmstate.core.process;

/**
 * {@code vm_flags} of an area, those that anything here depends on. Their values are the same on
 * x86 from 2.6 to 7.2, where they are numbers of bits. Source: {@code include/linux/mm.h}.
 */
final class VmFlags {
  static final long VM_READ = 1;
  static final long VM_WRITE = 2;
  static final long VM_EXEC = 4;
  static final long VM_SHARED = 8;
  static final long VM_MAYSHARE = 0x80;
  static final long VM_PFNMAP = 0x400;
  static final long VM_IO = 0x4000;
  static final long VM_HUGETLB = 0x40_0000;
  static final long VM_DONTDUMP = 0x400_0000;

  private VmFlags() {}
}
