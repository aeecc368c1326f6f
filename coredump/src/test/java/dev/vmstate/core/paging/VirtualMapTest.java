package dev.vmstate.core.paging;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.Cpus;
import java.util.List;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class VirtualMapTest {
  private static final long P = 3; // present, writable
  private static final long U = 7; // and the user's
  private static final int WX = VirtualRun.WRITABLE | VirtualRun.EXECUTABLE;
  private final ArrayMemory memory = ArrayMemory.at(0, 1 << 20);

  /** A chain of tables at 0x1000, 0x2000, 0x3000 down to the last-level table at 0x4000. */
  private void chain(int slot) {
    memory.u64(0x1000 + 8 * slot, 0x2000 | U).u64(0x2000, 0x3000 | U).u64(0x3000, 0x4000 | U);
  }

  private VirtualMap walk() throws Exception {
    return VirtualMap.of(memory, List.of(Cpus.long4(0, 0x1000)));
  }

  @Test
  void neighbouringPagesBecomeOneRunWithTheRightsOfAny() throws Exception {
    chain(256);
    memory.u64(0x4000, 0x10000 | 1 | 1L << 63).u64(0x4008, 0x11000 | P).u64(0x4010, 0x20000 | P);
    assertEquals(
        List.of(
            new VirtualRun(0xffff_8000_0000_0000L, 0x10000, 0x2000, WX),
            new VirtualRun(0xffff_8000_0000_2000L, 0x20000, 0x1000, WX)),
        walk().runs());
  }

  @Test
  void aUserPageAndASupervisorPageStayApart() throws Exception {
    chain(0);
    memory.u64(0x4000, 0x10000 | U).u64(0x4008, 0x11000 | P);
    List<VirtualRun> runs = walk().runs();
    assertEquals(2, runs.size());
    assertTrue(runs.get(0).user());
    assertFalse(runs.get(1).user());
  }

  @Test
  void runsGoOnAcrossTablesAndPageSizes() throws Exception {
    chain(0);
    for (int i = 0; i < 512; i++) {
      memory.u64(0x4000 + 8 * i, 0x4000_0000L + 4096L * i | P);
    }
    memory.u64(0x3008, 0x4020_0000L | 0x80 | P);
    assertEquals(List.of(new VirtualRun(0, 0x4000_0000L, 0x40_0000, WX)), walk().runs());
  }

  /** KASAN: thousands of slots, all the same table of one zero page. */
  @Test
  void aTableUsedInManySlotsIsListedAFewTimesAndARepeatedPageOnceInEach() throws Exception {
    for (int i = 0; i < 512; i++) {
      memory.u64(0x1000 + 8 * i, 0x2000 | P).u64(0x2000 + 8 * i, 0x3000 | P);
      memory.u64(0x3000 + 8 * i, 0x4000 | P).u64(0x4000 + 8 * i, 0x5000 | P);
    }
    VirtualMap map = walk();
    assertEquals(2 * TableWalk.ALIASES, map.runs().size()); // in each half
    assertEquals(1 + 2 * 3 * TableWalk.ALIASES, map.tables());
    assertTrue(map.complete());
  }

  /** Boot code and small kernels use one set of tables for the low and the high addresses. */
  @Test
  void aTableSharedByLowAndHighAddressesIsListedAtEachOfThem() throws Exception {
    memory.u64(0x1000, 0x2000 | P).u64(0x1000 + 8 * 511, 0x2000 | P);
    memory.u64(0x2000, 0x3000 | P).u64(0x2000 + 8 * 510, 0x3000 | P);
    memory.u64(0x3000, 0x20_0000 | 0x80 | P);
    List<Long> starts = walk().runs().stream().map(VirtualRun::virtual).sorted().toList();
    assertEquals(
        List.of(0xffff_ff80_0000_0000L, 0xffff_ffff_8000_0000L, 0L, 0x7f_8000_0000L), starts);
  }

  @Test
  void aTableThatPointsToItselfEnds() throws Exception {
    memory.u64(0x1000 + 8 * 0x1ed, 0x1000 | P); // where Windows has its self-map
    VirtualMap map = walk();
    assertEquals(List.of(new VirtualRun(0xffff_f6fb_7dbe_d000L, 0x1000, 0x1000, WX)), map.runs());
    assertEquals(4, map.tables());
  }

  @Test
  void entriesThatPointToTablesOutsideRamAreCounted() throws Exception {
    chain(300);
    memory.u64(0x1000 + 8 * 301, 0x9_0000_0000L | P).u64(0x2008, 0xf_ffff_f000L | P);
    memory.u64(0x1000 + 8 * 302, 0x5000 | 0x80 | P); // no 512 GiB pages exist
    memory.u64(0x4000, 0xfee0_0000L | P); // device memory is fine
    VirtualMap map = walk();
    assertEquals(3, map.danglingEntries());
    assertEquals(1, map.runs().size());
  }

  @Test
  void aRootOutsideRamMapsNothing() throws Exception {
    VirtualMap map = VirtualMap.of(memory, List.of(Cpus.long4(0, 0x1_0000_0000L)));
    assertEquals(List.of(), map.runs());
    assertEquals(1, map.danglingEntries());
  }

  @Test
  void theLongestRunsStayAndTheRestIsCounted() throws Exception {
    chain(256);
    long target = 0x10_0000;
    int at = 0;
    for (int length = 1; length <= 20; length++) {
      for (int i = 0; i < length; i++) {
        memory.u64(0x4000 + 8L * at++, target | P);
        target += 0x1000;
      }
      target += 0x1000;
    }
    VirtualMap map = VirtualMap.of(memory, List.of(Cpus.long4(0, 0x1000)), new WalkLimits(5, 100));
    assertEquals(
        List.of(16L, 17L, 18L, 19L, 20L),
        map.runs().stream().map(run -> run.bytes() / 4096).toList());
    assertEquals(15, map.runsLeftOut());
    assertEquals(15 * 16 / 2 * 4096L, map.bytesLeftOut());
  }

  @Test
  void manyShortRunsNeverPushOutALongOneBeforeThem() throws Exception {
    chain(256);
    memory.u64(0x4000, 0x10_0000 | P).u64(0x4008, 0x10_1000 | P);
    for (int i = 2; i < 512; i++) {
      memory.u64(0x4000 + 8L * i, (0x20_0000 + 0x2000L * i) | P);
    }
    VirtualMap map = VirtualMap.of(memory, List.of(Cpus.long4(0, 0x1000)), new WalkLimits(2, 9));
    assertEquals(0x2000, map.runs().get(0).bytes());
    assertEquals(2, map.runs().size());
    assertEquals(509, map.runsLeftOut());
  }

  @Test
  void aLimitOnTablesEndsTheWalkAndSaysSo() throws Exception {
    // All of RAM is tables that point to each other.
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 1 << 20; i += 8) {
      memory.u64(i, (long) random.nextInt(256) << 12 | P);
    }
    VirtualMap map = VirtualMap.of(memory, List.of(Cpus.long4(0, 0x2000)), new WalkLimits(100, 50));
    assertFalse(map.complete());
    assertEquals(50, map.tables());
    assertEquals(50, memory.reads());
    assertEquals(100, map.runs().size());
  }

  @Test
  void hostileRamIsWalkedAFewTimesPerTableLevelAndHalf() throws Exception {
    SplittableRandom random = new SplittableRandom(2);
    for (int i = 0; i < 1 << 20; i += 8) {
      memory.u64(i, (long) random.nextInt(256) << 12 | P);
    }
    VirtualMap map = walk();
    assertTrue(map.complete());
    assertTrue(map.tables() <= 256L * 4 * 2 * TableWalk.ALIASES, "tables " + map.tables());
  }

  @Test
  void aSecondCpuAddsItsKernelAndOnlyThoseUserAddressesThatAreFree() throws Exception {
    chain(0);
    memory.u64(0x4000, 0x10000 | U).u64(0x4010, 0x12000 | U);
    memory.u64(0x5000, 0x6000 | U).u64(0x6000, 0x7000 | U).u64(0x7000, 0x8000 | U);
    for (int i = 0; i < 4; i++) {
      memory.u64(0x8000 + 8 * i, 0x20000 + 0x1000 * i | U);
    }
    memory.u64(0x5000 + 8 * 511, 0x9000 | P).u64(0x9000, 0x80 | P);
    VirtualMap map = VirtualMap.of(memory, List.of(Cpus.long4(0, 0x1000), Cpus.long4(1, 0x5000)));
    int all = WX | VirtualRun.USER;
    assertEquals(
        List.of(
            new VirtualRun(0, 0x10000, 0x1000, all),
            new VirtualRun(0x1000, 0x21000, 0x1000, all),
            new VirtualRun(0x2000, 0x12000, 0x1000, all),
            new VirtualRun(0x3000, 0x23000, 0x1000, all),
            new VirtualRun(0xffff_ff80_0000_0000L, 0, 1 << 30, WX)),
        map.runs());
  }

  @Test
  void aFurtherCpuWithTheSameTablesCostsOneKernelEntryEach() throws Exception {
    chain(256);
    memory.u64(0x4000, 0x10000 | P);
    memory.u64(0x5000 + 8 * 256, 0x2000 | P); // another process, the same kernel
    VirtualMap map = VirtualMap.of(memory, List.of(Cpus.long4(0, 0x1000), Cpus.long4(1, 0x5000)));
    assertEquals(5, map.tables());
    assertEquals(1, map.runs().size());
  }

  @Test
  void thirtyTwoBitTablesAreListedWithoutASign() throws Exception {
    memory.u32(0x1000 + 4 * 0x3ff, 0x2000 | 7).u32(0x2000 + 4 * 0x3ff, 0x8000 | 7);
    VirtualMap map =
        VirtualMap.of(memory, List.of(Cpus.of(0, "rip=0 cr0=80000001 efer=0 cr4=0 cr3=1000")));
    assertEquals(0xffff_f000L, map.runs().get(0).virtual());
  }

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 40);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void everyListedAddressTranslatesToWhatItsRunSays(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 2000; i++) {
      long entry = (long) random.nextInt(300) << 12 | (random.nextInt(8) == 0 ? 0x80 : 0);
      memory.u64(random.nextInt(1 << 17) * 8L, entry | random.nextInt(8));
    }
    for (PagingMode mode : PagingMode.values()) {
      PageTables tables = new PageTables(memory, mode, random.nextInt(256) << 12);
      VirtualMap map = VirtualMap.ofTables(memory, List.of(tables), WalkLimits.DEFAULT);
      long below = 0;
      for (VirtualRun run : map.runs()) {
        assertTrue(below == 0 || Long.compareUnsigned(below, run.virtual()) <= 0);
        below = run.virtual() + run.bytes();
        long inside = random.nextLong(run.bytes());
        OptionalLong expected = OptionalLong.of(run.physical() + inside);
        assertEquals(expected, tables.translate(run.virtual() + inside));
        assertEquals(run, map.at(run.virtual() + inside).orElseThrow());
      }
    }
  }

  @Test
  void aKernelThatNoCpuHasTablesOfIsMappedBehindThem() throws Exception {
    memory.u64(0x1000, 0x5003).u64(0x5000, 0x83); // a CPU's, the first gigabyte
    memory.u64(0x8000 + 8 * 256, 0x9003).u64(0x9000, 0x83);
    PageTables kernel = new PageTables(memory, PagingMode.LONG4, 0x8000);
    VirtualMap both = VirtualMap.of(memory, List.of(Cpus.long4(0, 0x1000)), kernel);
    assertEquals(
        List.of(0L, 0xffff_8000_0000_0000L),
        both.runs().stream().map(VirtualRun::virtual).toList());
    VirtualMap used = VirtualMap.of(memory, List.of(Cpus.long4(0, 0x8000)), kernel);
    assertEquals(2, used.tables());
  }
}
