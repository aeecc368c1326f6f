package dev.vmstate.core.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.paging.VirtualMap;
import dev.vmstate.core.paging.VirtualRun;
import dev.vmstate.elf.LoadSegment;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LoadPlanTest {
  private static final int RWX = 7;
  private static final long K = 0xffff_8880_0000_0000L;

  /**
   * RAM below and above a hole, both in block 0, and the end of block 1 below 1 MiB and at 4 GiB.
   */
  private static final MemoryMap MAP =
      new MemoryMap(
          List.of(new RamBlock("pc.ram", 0x40_0000, 4096), new RamBlock("pc.bios", 0x4_0000, 4096)),
          List.of(
              new MemoryMap.Range(0, 0xa_0000, 0, 0),
              new MemoryMap.Range(0xe_0000, 0x2_0000, 1, 0x2_0000),
              new MemoryMap.Range(0x10_0000, 0x30_0000, 0, 0x10_0000),
              new MemoryMap.Range(0xfffc_0000L, 0x4_0000, 1, 0)),
          List.of());

  private static final CoreLayout LAYOUT = CoreLayout.of(MAP.blocks(), 1);
  private static final long BASE = LAYOUT.offsetOf(0, 0);
  private static final long BIOS = LAYOUT.offsetOf(1, 0);

  private static VirtualMap runs(VirtualRun... runs) {
    return new VirtualMap(List.of(runs), 0, 0, 0, 0, true);
  }

  private static LoadSegment load(long virtual, long physical, long offset, long bytes, int flags) {
    return new LoadSegment(virtual, physical, offset, bytes, bytes, flags);
  }

  @Test
  void aRunIsCutAtHolesAndWhereAnotherBlockBegins() {
    VirtualRun direct = new VirtualRun(K, 0, 0x20_0000, VirtualRun.WRITABLE);
    assertEquals(
        List.of(
            load(K + 0x10_0000, 0x10_0000, BASE + 0x10_0000, 0x10_0000, 6),
            load(K, 0, BASE, 0xa_0000, 6),
            load(K + 0xe_0000, 0xe_0000, BIOS + 0x2_0000, 0x2_0000, 6),
            load(0x20_0000, 0x20_0000, BASE + 0x20_0000, 0x20_0000, RWX),
            load(0xfffc_0000L, 0xfffc_0000L, BIOS, 0x4_0000, RWX)),
        LoadPlan.of(LAYOUT, MAP, runs(direct)).loads());
  }

  @Test
  void withoutVirtualAddressesThereIsOneSegmentPerRange() {
    List<LoadSegment> loads = LoadPlan.of(LAYOUT, MAP, VirtualMap.NONE).loads();
    assertEquals(4, loads.size());
    for (LoadSegment load : loads) {
      assertEquals(load.physical(), load.virtual());
      assertEquals(load.fileBytes(), load.memoryBytes());
    }
  }

  @Test
  void severalAddressesOfTheSameRamShareItsBytes() {
    VirtualRun direct = new VirtualRun(K, 0x10_0000, 0x30_0000, 0);
    VirtualRun image = new VirtualRun(0xffff_ffff_8100_0000L, 0x20_0000, 0x1_0000, 4);
    List<LoadSegment> loads = LoadPlan.of(LAYOUT, MAP, runs(direct, image)).loads();
    assertEquals(load(K, 0x10_0000, BASE + 0x10_0000, 0x30_0000, 4), loads.get(0));
    assertEquals(
        load(0xffff_ffff_8100_0000L, 0x20_0000, BASE + 0x20_0000, 0x1_0000, 5), loads.get(1));
  }

  @Test
  void deviceMemoryIsLeftOut() {
    VirtualRun apic = new VirtualRun(K, 0xfee0_0000L, 0x1000, VirtualRun.WRITABLE);
    assertEquals(
        LoadPlan.of(LAYOUT, MAP, VirtualMap.NONE).loads(),
        LoadPlan.of(LAYOUT, MAP, runs(apic)).loads());
  }

  @Test
  void shortRunsAreLeftOutWhenTheHeaderIsFullButTheirRamIsNot() {
    List<VirtualRun> runs = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      runs.add(
          new VirtualRun(K + 0x10_0000L * i, 0x10_0000 + 0x4000 * i, 0x1000 + i % 2 * 0x1000, 0));
    }
    CoreLayout small = CoreLayout.of(MAP.blocks(), 1, 60);
    LoadPlan plan = LoadPlan.of(small, MAP, new VirtualMap(runs, 0, 0, 0, 0, true));
    assertTrue(plan.loads().size() <= 60 && plan.loads().size() >= 58, "" + plan.loads().size());
    assertEquals(0x2000, plan.loads().get(0).fileBytes());
    assertTrue(plan.leftOut() > 70);
    assertCovers(plan);
    CoreLayout tooSmall = CoreLayout.of(MAP.blocks(), 1, 3);
    assertThrows(IllegalArgumentException.class, () -> LoadPlan.of(tooSmall, MAP, VirtualMap.NONE));
  }

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 100);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void physicalCoverageIsExactlyTheMemoryMap(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<VirtualRun> runs = new ArrayList<>();
    for (int i = 0; i < random.nextInt(80); i++) {
      long physical = random.nextInt(0x480) * 4096L + (random.nextInt(5) == 0 ? 0xffe0_0000L : 0);
      runs.add(new VirtualRun(K + (i << 24), physical, 4096L * (1 + random.nextInt(0x200)), 0));
    }
    CoreLayout layout = CoreLayout.of(MAP.blocks(), 1, 8 + random.nextInt(100));
    assertCovers(LoadPlan.of(layout, MAP, new VirtualMap(runs, 0, 0, 0, 0, true)));
  }

  private static void assertCovers(LoadPlan plan) {
    BitSet expected = new BitSet();
    MAP.ranges().forEach(r -> expected.set((int) (r.start() >>> 12), (int) (r.end() >>> 12)));
    BitSet covered = new BitSet();
    for (LoadSegment load : plan.loads()) {
      MemoryMap.Range range = MAP.at(load.physical()).orElseThrow();
      long inBlock = range.offset() + load.physical() - range.start();
      assertEquals(LAYOUT.offsetOf(range.block(), inBlock), load.fileOffset());
      int first = (int) (load.physical() >>> 12);
      covered.set(first, first + (int) (load.fileBytes() >>> 12));
    }
    assertEquals(expected, covered);
  }
}
