package dev.vmstate.core.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.paging.PageTables;
import dev.vmstate.core.paging.PagingMode;
import dev.vmstate.memory.UnmappedAddressException;
import org.junit.jupiter.api.Test;

class KernelMemoryTest {
  private static final long P = 3; // present, writable
  private static final long START = KernelImage.START_KERNEL_MAP;

  /** Virtual pages 0, 1 and 600 of the kernel's gigabyte, the second one before the first. */
  private final ArrayMemory ram =
      ArrayMemory.at(0, 1 << 20)
          .u64(0x1000 + 8 * 511, 0x2000 | P)
          .u64(0x2000 + 8 * 510, 0x3000 | P)
          .u64(0x3000, 0x4000 | P)
          .u64(0x3000 + 8, 0x5000 | P)
          .u64(0x4000, 0x9000 | P)
          .u64(0x4000 + 8, 0x8000 | P)
          .u64(0x4000 + 16, 0x4000_0000L | P)
          .u64(0x5000 + 8 * 88, 0xa000 | P);

  private final KernelMemory memory =
      new KernelMemory(ram, new PageTables(ram, PagingMode.LONG4, 0x1000));

  @Test
  void valuesAreReadAcrossPagesThatLieApart() throws Exception {
    ram.bytes(0x9ffc, new byte[] {1, 2, 3, 4}).bytes(0x8000, new byte[] {5, 6, 7, 8, 'x', 0});
    assertEquals(0x0807_0605_0403_0201L, memory.u64(START + 0xffc));
    assertEquals(0x0403_0201, memory.u32(START + 0xffc));
    assertEquals(0x0504, memory.u16(START + 0xfff));
    assertArrayEquals(new byte[] {4, 5, 6}, memory.bytes(START + 0xfff, 3));
    assertEquals("x", memory.string(START + 0x1004, 10));
    assertEquals("\5\6\7", memory.string(START + 0x1000, 3));
  }

  @Test
  void anAddressWithoutRamIsNamed() throws Exception {
    var e = assertThrows(UnmappedAddressException.class, () -> memory.u64(START + 0x1ffe));
    assertEquals(START + 0x2000, e.address());
    assertFalse(memory.isRam(START + 0x2000));
    assertTrue(memory.translate(START + 0x2000).isPresent());
    assertTrue(memory.isRam(START));
    assertThrows(UnmappedAddressException.class, () -> memory.u8(START + 0x3000));
  }

  @Test
  void theImageIsFromItsFirstToItsLastMappedPage() throws Exception {
    KernelImage image = KernelImage.ofLinux64(memory).orElseThrow();
    assertEquals(START, image.start());
    assertEquals(600 * 4096 + 4096, image.bytes());
  }

  @Test
  void theSecondReadOfAPageAsksNoTables() throws Exception {
    memory.u64(START);
    int reads = ram.reads();
    memory.u64(START + 8);
    assertEquals(reads, ram.reads());
  }
}
