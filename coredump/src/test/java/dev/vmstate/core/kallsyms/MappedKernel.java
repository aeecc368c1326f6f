package dev.vmstate.core.kallsyms;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.kernel.KernelImage;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.paging.PageTables;
import dev.vmstate.core.paging.PagingMode;

/**
 * RAM of a kernel that is linked to run at {@link #start}, where physical 4 MiB are mapped; modules
 * have the 4 MiB from {@link #modules} on.
 */
public final class MappedKernel {
  private static final long LARGE = 0x83; // present, writable, a large page
  private static final long PHYSICAL = 4 << 20;
  private static final long MODULES = 8 << 20;

  final int word;
  public final long start;
  final long modules;
  final ArrayMemory ram = ArrayMemory.at(0, 12 << 20);
  private final PageTables tables;

  private MappedKernel(int word) {
    this.word = word;
    if (word == 8) {
      start = KernelImage.START_KERNEL_MAP + (16 << 20);
      modules = KernelImage.START_KERNEL_MAP + (1L << 30) - (16 << 20);
      ram.u64(0x1000 + 8 * 511, 0x2003).u64(0x2000 + 8 * 510, 0x3003);
      for (int i = 0; i < 2; i++) {
        ram.u64(0x3000 + 8 * (8 + i), PHYSICAL + ((long) i << 21) | LARGE);
        ram.u64(0x3000 + 8 * (504 + i), MODULES + ((long) i << 21) | LARGE);
      }
      tables = new PageTables(ram, PagingMode.LONG4, 0x1000);
    } else {
      start = 0xc100_0000L;
      modules = 0xe000_0000L;
      ram.u32(0x1000 + 4 * (int) (start >>> 22), (int) (PHYSICAL | LARGE));
      ram.u32(0x1000 + 4 * (int) (modules >>> 22), (int) (MODULES | LARGE));
      tables = new PageTables(ram, PagingMode.LEGACY_PSE, 0x1000);
    }
  }

  public static MappedKernel of(int word) {
    return new MappedKernel(word);
  }

  /** An image that ends after so many bytes; sees all that was put there so far. */
  public KernelImage image(int bytes) {
    return new KernelImage(new KernelMemory(ram, tables), start, start + bytes);
  }

  /** Puts bytes at a virtual address. */
  public MappedKernel put(long virtual, byte[] bytes) {
    ram.bytes(physical(virtual), bytes);
    return this;
  }

  MappedKernel word(long virtual, long value) {
    if (word == 8) {
      ram.u64(physical(virtual), value);
    } else {
      ram.u32(physical(virtual), (int) value);
    }
    return this;
  }

  MappedKernel u32(long virtual, int value) {
    ram.u32(physical(virtual), value);
    return this;
  }

  private long physical(long virtual) {
    return Long.compareUnsigned(virtual, modules) >= 0
        ? virtual - modules + MODULES
        : virtual - start + PHYSICAL;
  }
}
