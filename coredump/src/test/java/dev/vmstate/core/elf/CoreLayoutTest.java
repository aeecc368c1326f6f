package dev.vmstate.core.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vmstate.memory.RamBlock;
import java.util.List;
import org.junit.jupiter.api.Test;

class CoreLayoutTest {
  private static final List<RamBlock> BLOCKS =
      List.of(
          new RamBlock("pc.ram", 6L << 30, 4096),
          new RamBlock("/rom@etc/table-loader", 0x801, 4096),
          new RamBlock("pc.bios", 0x40000, 4096));

  @Test
  void blocksFollowTheHeaderAreaInStreamOrderOnPageBoundaries() {
    CoreLayout layout = CoreLayout.of(BLOCKS, 1);
    assertEquals(4 << 20, layout.headerBytes());
    assertEquals(4 << 20, layout.offsetOf(0, 0));
    assertEquals((4 << 20) + (5L << 30) + 3, layout.offsetOf(0, (5L << 30) + 3));
    assertEquals((4 << 20) + (6L << 30) + 0x800, layout.offsetOf(1, 0x800));
    assertEquals((4 << 20) + (6L << 30) + 0x1000, layout.offsetOf(2, 0));
    assertEquals((4 << 20) + (6L << 30) + 0x41000, layout.size());
  }

  @Test
  void manyCpusTakeRoomFromTheProgramHeadersAndNotFromThePages() {
    assertEquals(40_000, CoreLayout.of(BLOCKS, 2000).maxLoads());
    CoreLayout many = CoreLayout.of(BLOCKS, 4096);
    assertEquals(4 << 20, many.headerBytes());
    // (4 MiB - 64 - 4096 * (356 + 460) - 64 KiB) / 56 - 1
    assertEquals(14_041, many.maxLoads());
    // 64 + 4001 * 56 + 8192 * (356 + 460) + 64 KiB, on a page boundary
    assertEquals(0x6a7000, CoreLayout.of(BLOCKS, 8192).headerBytes());
  }

  @Test
  void bytesOutsideABlockHaveNoOffset() {
    CoreLayout layout = CoreLayout.of(BLOCKS, 1);
    assertThrows(IndexOutOfBoundsException.class, () -> layout.offsetOf(1, 0x802));
    assertThrows(IndexOutOfBoundsException.class, () -> layout.offsetOf(1, -1));
    assertThrows(IndexOutOfBoundsException.class, () -> layout.offsetOf(3, 0));
  }

  @Test
  void lengthsNoFileCanHaveAreRefused() {
    RamBlock huge = new RamBlock("a", Long.MAX_VALUE - 5000, 4096);
    assertThrows(ArithmeticException.class, () -> CoreLayout.of(List.of(huge, huge), 1));
    RamBlock negative = new RamBlock("a", -1, 4096);
    assertThrows(IllegalArgumentException.class, () -> CoreLayout.of(List.of(negative), 1));
    assertThrows(IllegalArgumentException.class, () -> CoreLayout.of(BLOCKS, 1, 65534));
  }
}
