package dev.vmstate.core.process;

import dev.vmstate.core.paging.PagingMode;

/**
 * A last-level entry of a process's page tables as Linux uses it. Source: {@code
 * arch/x86/include/asm/pgtable.h}, {@code pgtable_64.h}, {@code pgtable-3level.h}, {@code
 * pgtable-2level.h}, {@code pgtable-invert.h}.
 *
 * <pre>
 * bit 0     present
 * bit 8     of an entry that is not: PROT_NONE, or to be noticed when touched (NUMA balancing);
 *           the page is there
 * bit 7     of a large one that is not: about to be split; the page is there
 * others    swap: type in bits 63:59, offset in bits 58:14 with every bit inverted (2-level
 *           tables: type in bits 5:1, offset from bit 9 on, not inverted)
 * </pre>
 *
 * <p>The address in an entry that is not present has every bit inverted too, lest a CPU with the
 * L1TF fault read the cache line there.
 *
 * @param mode of the tables
 * @param value as it stands there
 * @param covers bytes it is for
 */
record PageEntry(PagingMode mode, long value, long covers) {
  private static final long PRESENT = 1;
  private static final long LARGE = 1 << 7;
  private static final long PROTNONE = 1 << 8;
  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

  private boolean narrow() {
    return mode == PagingMode.LEGACY || mode == PagingMode.LEGACY_PSE;
  }

  /** Whether there is a page. */
  boolean hasPage() {
    return (value & (PRESENT | PROTNONE)) != 0 || covers > 4096 && (value & LARGE) != 0;
  }

  /** Guest-physical address of the page's first byte. */
  long physical() {
    if (narrow()) {
      return value & 0xffff_f000L & -covers;
    }
    long plain = (value & PRESENT) != 0 ? value : ~value;
    return plain & ADDRESS & -covers;
  }

  /** Of an entry without a page. */
  long swapType() {
    return narrow() ? value >>> 1 & 0x1f : value >>> 59;
  }

  /** Of an entry without a page; of one that is no device's, often a frame number. */
  long swapOffset() {
    return narrow() ? value >>> 9 : ~value << 5 >>> 14;
  }
}
