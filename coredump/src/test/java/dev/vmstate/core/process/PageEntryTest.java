package dev.vmstate.core.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.paging.PagingMode;
import org.junit.jupiter.api.Test;

/** Entries as x86 kernels print and store them. */
class PageEntryTest {
  private static PageEntry small(long value) {
    return new PageEntry(PagingMode.LONG4, value, 4096);
  }

  @Test
  void aPresentPageHasItsAddress() {
    PageEntry entry = small(0x8000_0000_1234_5867L);
    assertTrue(entry.hasPage());
    assertEquals(0x1234_5000L, entry.physical());
  }

  @Test
  void aPageThatMayNotBeReadHasItsAddressInverted() {
    // PROT_NONE: bit 8, not present; every address bit is the opposite
    PageEntry entry = small(0x000f_ffff_ffff_f000L ^ 0x1234_5000L | 0x160);
    assertTrue(entry.hasPage());
    assertEquals(0x1234_5000L, entry.physical());
  }

  @Test
  void aHugePageThatMayNotBeReadToo() {
    long value = 0x000f_ffff_ffff_f000L & ~0x4020_0000L | 0x1e0;
    PageEntry entry = new PageEntry(PagingMode.LONG4, value, 2 << 20);
    assertTrue(entry.hasPage());
    assertEquals(0x4020_0000L, entry.physical());
  }

  @Test
  void aHugePageAboutToBeSplitIsThere() {
    long value = 0x000f_ffff_ffff_f000L & ~0x4020_0000L | 0x80;
    assertTrue(new PageEntry(PagingMode.LONG4, value, 2 << 20).hasPage());
    assertFalse(small(value).hasPage()); // bit 7 of a small one is a swap entry's
  }

  @Test
  void swapEntriesHaveTypeAndInvertedOffset() {
    // __swp_entry(3, 0x12345): type << 59 | ~offset << 14 >> 5
    PageEntry entry = small(3L << 59 | ~0x12345L << 14 >>> 5 | 2);
    assertFalse(entry.hasPage());
    assertEquals(3, entry.swapType());
    assertEquals(0x12345, entry.swapOffset());
  }

  @Test
  void tablesOfTwoLevelsHaveAnotherForm() {
    PageEntry entry = new PageEntry(PagingMode.LEGACY_PSE, 0x777L << 9 | 5 << 1, 4096);
    assertFalse(entry.hasPage());
    assertEquals(5, entry.swapType());
    assertEquals(0x777, entry.swapOffset());
    PageEntry none = new PageEntry(PagingMode.LEGACY_PSE, 0x1234_5160L, 4096);
    assertTrue(none.hasPage());
    assertEquals(0x1234_5000L, none.physical());
  }
}
