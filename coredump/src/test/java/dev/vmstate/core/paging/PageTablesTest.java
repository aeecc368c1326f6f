package dev.vmstate.core.paging;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.Cpus;
import dev.vmstate.memory.UnmappedAddressException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class PageTablesTest {
  private static final long P = 7; // present, writable, user
  private static final long LARGE = P | 0x80;
  private final ArrayMemory memory = ArrayMemory.at(0, 1 << 20);

  @Test
  void fourLevelsTranslateThroughPagesOfAllThreeSizes() throws Exception {
    memory.u64(0x1000 + 8 * 0x1ff, 0x2000 | P); // PML4
    memory.u64(0x2000 + 8 * 0x1fe, 0x3000 | P); // PDPT
    memory.u64(0x2000 + 8 * 0x1ff, 0x1_4000_0000L | 0x1000 | LARGE); // 1 GiB, PAT bit set
    memory.u64(0x3000, 0x4000 | P); // PD
    memory.u64(0x3000 + 8, 0x60_0000 | 0x1000 | LARGE); // 2 MiB, PAT bit set
    memory.u64(0x4000 + 8 * 5, 0x9000 | P | 1L << 63); // PT, no-execute
    PageTables tables = new PageTables(memory, PagingMode.LONG4, 0x1000);
    assertEquals(OptionalLong.of(0x9123), tables.translate(0xffff_ffff_8000_5123L));
    assertEquals(OptionalLong.of(0x61_2345), tables.translate(0xffff_ffff_8021_2345L));
    assertEquals(OptionalLong.of(0x1_7fff_ffffL), tables.translate(-1));
    assertEquals(OptionalLong.empty(), tables.translate(0xffff_ffff_8000_6000L));
  }

  /**
   * Each call has an end, and a guest that makes somebody call it a thousand times wins nothing.
   */
  @Test
  void tablesMadeToBeWalkedForEverEndAllSearchesTogether() throws Exception {
    for (int i = 0; i < 512; i++) {
      memory.u64(0x1000 + 8 * i, 0x2000 | P);
      memory.u64(0x2000 + 8 * i, 0x3000 | P);
      memory.u64(0x3000 + 8 * i, 0x4000 | P); // which is empty
    }
    PageTables tables = new PageTables(memory, PagingMode.LONG4, 0x1000);
    for (int i = 0; i < 100; i++) {
      assertEquals(OptionalLong.empty(), tables.nextMapped((long) i << 30, 1L << 46));
    }
    assertTrue(tables.steps() < 34_000_000, () -> "steps " + tables.steps());
  }

  @Test
  void anAddressThatIsNotCanonicalIsNotMapped() throws Exception {
    memory.u64(0x1000 + 8 * 0x1ff, 0x2000 | P);
    memory.u64(0x2000 + 8 * 0x1ff, LARGE);
    PageTables tables = new PageTables(memory, PagingMode.LONG4, 0x1000);
    assertEquals(OptionalLong.of(0x3fff_ffff), tables.translate(-1));
    assertEquals(OptionalLong.empty(), tables.translate(0x0000_ffff_ffff_ffffL));
  }

  @Test
  void fiveLevelsAreUsedWhenLa57IsOn() throws Exception {
    memory.u64(0x1000 + 8 * 0x1c9, 0x2000 | P); // PML5
    memory.u64(0x2000 + 8 * 3, 0x3000 | P);
    memory.u64(0x3000, 0x4000_0000L | LARGE);
    PageTables tables =
        PageTables.of(memory, Cpus.of(0, "rip=0 cr0=80000001 efer=500 cr4=1020 cr3=1000"))
            .orElseThrow();
    assertEquals(PagingMode.LONG5, tables.mode());
    long virtual = 0xff00_0000_0000_0000L | 0x1c9L << 48 | 3L << 39 | 0x1234;
    assertEquals(OptionalLong.of(0x4000_1234), tables.translate(virtual));
    assertEquals(OptionalLong.empty(), tables.translate(virtual & 0x01ff_ffff_ffff_ffffL));
  }

  @Test
  void paePointersNeedOnlyThirtyTwoByteAlignment() throws Exception {
    memory.u64(0x1020 + 8 * 3, 0x2000 | 1); // a pointer has no writable or user bit
    memory.u64(0x2000 + 8, 0x3000 | P);
    memory.u64(0x2000 + 8 * 2, 0x2_0020_0000L | LARGE);
    memory.u64(0x3000 + 8, 0x8_0000_7000L | P);
    PageTables tables =
        PageTables.of(memory, Cpus.of(0, "rip=0 cr0=80000001 efer=0 cr4=20 cr3=1038"))
            .orElseThrow();
    assertEquals(PagingMode.PAE, tables.mode());
    assertEquals(OptionalLong.of(0x8_0000_7fffL), tables.translate(0xc020_1fffL));
    assertEquals(OptionalLong.of(0x2_0021_0000L), tables.translate(0xc041_0000L));
    assertEquals(OptionalLong.empty(), tables.translate(0xffff_ffff_c020_1fffL));
  }

  @Test
  void twoLevelsHaveFourMegabytePagesWithThirtySixBitsWhenPseIsOn() throws Exception {
    memory.u32(0x1000 + 4 * 0x300, 0x0040_0000 | 0x2000 | 0x87); // bit 13 is address bit 32
    memory.u32(0x1000 + 4 * 0x301, 0x3000 | 7);
    memory.u32(0x3000 + 4 * 2, 0x8000 | 7);
    PageTables tables =
        PageTables.of(memory, Cpus.of(0, "rip=0 cr0=80000001 efer=0 cr4=10 cr3=1000"))
            .orElseThrow();
    assertEquals(OptionalLong.of(0x1_0041_2345L), tables.translate(0xc001_2345L));
    assertEquals(OptionalLong.of(0x8fff), tables.translate(0xc040_2fffL));
  }

  @Test
  void withoutPseTheLargePageBitMeansNothing() throws Exception {
    memory.u32(0x1000 + 4 * 0x300, 0x3000 | 0x87);
    memory.u32(0x3000, 0x8000 | 0x87);
    PageTables tables = new PageTables(memory, PagingMode.LEGACY, 0x1000);
    assertEquals(OptionalLong.of(0x8004), tables.translate(0xc000_0004L));
  }

  @Test
  void pcidAndCacheBitsOfCr3AreNoPartOfTheRoot() throws Exception {
    assertEquals(0x2000, PageTables.of(memory, Cpus.long4(0, 0x2fff)).orElseThrow().root());
  }

  @Test
  void aCpuWithPagingOffHasNoTables() throws Exception {
    assertEquals(Optional.empty(), PageTables.of(memory, Cpus.of(0, "rip=0 cr0=10 cr4=0 cr3=0")));
  }

  @Test
  void readsGoThroughPagesThatAreNotNeighbours() throws Exception {
    memory.u64(0x1000, 0x2000 | P).u64(0x2000, 0x3000 | P).u64(0x3000, 0x4000 | P);
    memory.u64(0x4000, 0x8000 | P).u64(0x4008, 0x6000 | P);
    memory.bytes(0x8ffe, new byte[] {1, 2}).bytes(0x6000, new byte[] {3, 4});
    PageTables tables = new PageTables(memory, PagingMode.LONG4, 0x1000);
    ByteBuffer four = ByteBuffer.allocate(4);
    tables.read(0xffe, four);
    assertArrayEquals(new byte[] {1, 2, 3, 4}, four.array());
    UnmappedAddressException e =
        assertThrows(
            UnmappedAddressException.class, () -> tables.read(0x1ffe, ByteBuffer.allocate(4)));
    assertEquals(0x2000, e.address());
  }

  @Test
  void aCpuStoppedInUserCodeOfAPtiKernelGetsTheKernelsTable() throws Exception {
    memory.u64(0x2000, 0x8000 | P | 1L << 63).u64(0x3000, 0x8000 | P); // user half, copied
    memory.u64(0x2000 + 8 * 273, 0x9000 | 3).u64(0x2000 + 8 * 511, 0xa000 | 3); // kernel half
    memory.u64(0x3000 + 8 * 511, 0xb000 | 3); // the copy's entry code
    assertEquals(0x2000, PageTables.of(memory, Cpus.long4(0, 0x3800)).orElseThrow().root());
  }

  @Test
  void anOrdinaryTableWithBitTwelveSetIsLeftAlone() throws Exception {
    memory.u64(0x2000, 0x8000 | P).u64(0x3000, 0x9000 | P); // another process below
    memory.u64(0x2000 + 8 * 273, 0x9000 | 3).u64(0x2000 + 8 * 511, 0xa000 | 3);
    memory.u64(0x3000 + 8 * 511, 0xa000 | 3);
    assertEquals(0x3000, PageTables.of(memory, Cpus.long4(0, 0x3000)).orElseThrow().root());
  }

  @Test
  void tablesOutsideRamTranslateNothing() throws Exception {
    memory.u64(0x1000, 0x7000_0000_0000L | P);
    assertTrue(new PageTables(memory, PagingMode.LONG4, 0x1000).translate(0).isEmpty());
    assertTrue(new PageTables(memory, PagingMode.LONG4, 0x5000_0000).translate(0).isEmpty());
  }
}
