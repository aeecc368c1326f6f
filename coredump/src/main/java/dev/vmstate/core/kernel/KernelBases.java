package dev.vmstate.core.kernel;

import dev.vmstate.core.paging.PageTables;
import dev.vmstate.core.paging.PagingMode;
import java.io.IOException;
import java.util.OptionalLong;

/**
 * Where a 64-bit Linux has put the three areas that it moves by whole gigabytes: the mapping of all
 * memory, what vmalloc gives out, and the array of struct page. {@code
 * Documentation/arch/x86/x86_64/mm.rst} has the map, {@code arch/x86/mm/kaslr.c} moves them; they
 * stay in this order.
 *
 * @param pageOffset page_offset_base
 * @param vmalloc vmalloc_base
 * @param vmemmap vmemmap_base
 */
record KernelBases(OptionalLong pageOffset, OptionalLong vmalloc, OptionalLong vmemmap) {
  private static final OptionalLong NONE = OptionalLong.empty();
  private static final long GIGABYTE = 1L << 30;
  private static final long TERABYTE = 1L << 40;

  /** CPU_ENTRY_AREA_PGD; what stands from here on is never moved. */
  private static final long FIXED = 0xffff_fe00_0000_0000L;

  /** A table has so many entries; memory of a pebibyte has so many gigabytes. */
  private static final int MOST_GIGABYTES = 1 << 20;

  /** Of the kernel with this image. */
  static KernelBases of(KernelImage image) throws IOException {
    PageTables tables = image.memory().tables();
    boolean five = tables.mode() == PagingMode.LONG5;
    if (!tables.mode().hasKernelHalf()) {
      return new KernelBases(NONE, NONE, NONE);
    }
    OptionalLong direct = direct(image, five ? 0xff00_0000_0000_0000L : 0xffff_8000_0000_0000L);
    if (direct.isEmpty()) {
      return new KernelBases(NONE, NONE, NONE);
    }
    OptionalLong vmalloc = behind(tables, direct.getAsLong());
    if (vmalloc.isEmpty()) {
      return new KernelBases(direct, NONE, NONE);
    }
    // VMALLOC_SIZE_TB_L4, VMALLOC_SIZE_TB_L5
    long vmallocEnd = vmalloc.getAsLong() + (five ? 12_800 : 32) * TERABYTE;
    OptionalLong vmemmap = tables.nextMapped(vmallocEnd, FIXED);
    return vmemmap.isEmpty()
        ? new KernelBases(direct, NONE, NONE)
        : new KernelBases(direct, vmalloc, OptionalLong.of(vmemmap.getAsLong() & -GIGABYTE));
  }

  /** The first mapping that maps the kernel's own image too, at the same distance. */
  private static OptionalLong direct(KernelImage image, long from) throws IOException {
    PageTables tables = image.memory().tables();
    long physical = image.physicalStart();
    long at = from;
    // What comes before it: the table of a process with an LDT of its own.
    for (int tries = 0; tries < 64; tries++) {
      OptionalLong next = tables.nextMapped(at, FIXED);
      if (next.isEmpty()) {
        return NONE;
      }
      at = next.getAsLong();
      long base = at - tables.translate(at).orElse(0);
      if (base % GIGABYTE == 0
          && base < 0
          && tables.translate(base + physical).equals(OptionalLong.of(physical))) {
        return OptionalLong.of(base);
      }
      at += tables.reach(at).bytes();
    }
    return NONE;
  }

  /** The gigabyte with the first mapping behind the direct one, which may have holes. */
  private static OptionalLong behind(PageTables tables, long direct) throws IOException {
    long at = direct;
    for (int i = 0; i < MOST_GIGABYTES; i++) {
      OptionalLong next = tables.nextMapped(at, FIXED);
      if (next.isEmpty()) {
        return NONE;
      }
      long found = next.getAsLong();
      if (tables.translate(found).orElse(0) != found - direct) {
        return OptionalLong.of(found & -GIGABYTE);
      }
      at = (found & -GIGABYTE) + GIGABYTE;
    }
    return NONE;
  }
}
