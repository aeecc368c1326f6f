package dev.vmstate.core.paging;

import dev.vmstate.cpu.X86Cpu;
import java.util.Optional;

/**
 * How an x86 CPU translates virtual addresses: number of levels, width of an entry, which entries
 * may be large pages. Source: Intel SDM volume 3A, chapter 4 (paging).
 */
public enum PagingMode {
  /** 32-bit, two levels of 1024 four-byte entries, no 4 MiB pages (CR4.PSE clear). */
  LEGACY(4, 2, 1),
  /** 32-bit, two levels, 4 MiB pages with PSE-36 address bits (CR4.PSE set). */
  LEGACY_PSE(4, 2, 2),
  /** 32-bit with eight-byte entries: four page-directory pointers, then two levels; 2 MiB pages. */
  PAE(8, 3, 2),
  /** Long mode, four levels, 48-bit virtual addresses; 2 MiB and 1 GiB pages. */
  LONG4(8, 4, 3),
  /** Long mode, five levels (CR4.LA57), 57-bit virtual addresses; 2 MiB and 1 GiB pages. */
  LONG5(8, 5, 3);

  private static final long CR4_PSE = 1L << 4;
  private static final long CR4_PAE = 1L << 5;
  private static final long CR4_LA57 = 1L << 12;
  static final int PAGE = 4096;
  static final long PRESENT = 1;
  private static final long ENTRY_WRITABLE = 1L << 1;
  private static final long ENTRY_USER = 1L << 2;
  private static final long ENTRY_LARGE = 1L << 7;
  private static final long ENTRY_NO_EXECUTE = 1L << 63;
  private static final long ADDRESS_BITS_51_12 = 0x000f_ffff_ffff_f000L;

  private final int entryBytes;
  private final int levels;
  private final int largestLeaf;

  PagingMode(int entryBytes, int levels, int largestLeaf) {
    this.entryBytes = entryBytes;
    this.levels = levels;
    this.largestLeaf = largestLeaf;
  }

  /** The mode {@code cpu} is in, empty when CR0.PG is clear. */
  public static Optional<PagingMode> of(X86Cpu cpu) {
    if (!cpu.paging()) {
      return Optional.empty();
    }
    return Optional.of(of(cpu.longMode(), cpu.get("cr4")));
  }

  /**
   * The mode of a CPU with paging on.
   *
   * @param longMode EFER.LMA
   */
  public static PagingMode of(boolean longMode, long cr4) {
    if (longMode) {
      return (cr4 & CR4_LA57) != 0 ? LONG5 : LONG4;
    }
    if ((cr4 & CR4_PAE) != 0) {
      return PAE;
    }
    return (cr4 & CR4_PSE) != 0 ? LEGACY_PSE : LEGACY;
  }

  /** Number of table levels; the table CR3 points to is of this level, the last one of level 1. */
  public int levels() {
    return levels;
  }

  /** Whether the upper half of the virtual addresses is the kernel's by convention of the CPU. */
  public boolean hasKernelHalf() {
    return this == LONG4 || this == LONG5;
  }

  /**
   * Guest-physical address of the top table. The low 12 bits of a long-mode CR3 are cache bits or
   * the PCID and no part of it; a PAE CR3 is aligned to 32 bytes only.
   */
  public long root(long cr3) {
    return switch (this) {
      case LEGACY, LEGACY_PSE -> cr3 & 0xffff_f000L;
      case PAE -> cr3 & 0xffff_ffe0L;
      case LONG4, LONG5 -> cr3 & ADDRESS_BITS_51_12;
    };
  }

  int entryBytes() {
    return entryBytes;
  }

  int entries(int level) {
    return this == PAE && level == levels ? 4 : PAGE / entryBytes;
  }

  /** Bytes one entry of a table of {@code level} covers, as a power of two. */
  int shift(int level) {
    return 12 + (entryBytes == 8 ? 9 : 10) * (level - 1);
  }

  int index(long virtual, int level) {
    return (int) (virtual >>> shift(level)) & (entries(level) - 1);
  }

  /** Sign-extends the highest translated bit; 32-bit addresses stay zero-extended. */
  long canonical(long virtual) {
    if (!hasKernelHalf()) {
      return virtual;
    }
    int unused = 64 - shift(levels + 1);
    return virtual << unused >> unused;
  }

  boolean translates(long virtual) {
    return hasKernelHalf() ? canonical(virtual) == virtual : virtual >>> 32 == 0;
  }

  boolean isLeaf(long entry, int level) {
    return level == 1 || (level <= largestLeaf && (entry & ENTRY_LARGE) != 0);
  }

  /** A non-leaf entry with the large-page bit where no large page exists: the CPU faults on it. */
  boolean isMalformed(long entry, int level) {
    return entryBytes == 8 && level > largestLeaf && level != 1 && (entry & ENTRY_LARGE) != 0;
  }

  /** What {@code entry} points to: a table, or the first byte of a page. */
  long target(long entry, int level) {
    if (entryBytes == 4) {
      // PSE-36: bits 20..13 of a 4 MiB entry are bits 39..32 of the page's address.
      return level == 2 && isLeaf(entry, level)
          ? (entry & 0xffc0_0000L) | (entry & 0x1f_e000L) << 19
          : entry & 0xffff_f000L;
    }
    long address = entry & ADDRESS_BITS_51_12;
    // A large page's bit 12 is PAT, not address.
    return isLeaf(entry, level) ? address & -(1L << shift(level)) : address;
  }

  /** {@code rights} of the levels above, less what {@code entry} takes away. */
  int restrict(int rights, long entry, int level) {
    if (this == PAE && level == levels) {
      return rights; // page-directory pointers have no such bits
    }
    int result = rights;
    if ((entry & ENTRY_WRITABLE) == 0) {
      result &= ~VirtualRun.WRITABLE;
    }
    if ((entry & ENTRY_USER) == 0) {
      result &= ~VirtualRun.USER;
    }
    if ((entry & ENTRY_NO_EXECUTE) != 0) {
      result &= ~VirtualRun.EXECUTABLE;
    }
    return result;
  }
}
