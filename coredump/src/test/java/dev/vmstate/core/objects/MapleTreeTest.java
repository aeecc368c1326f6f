package dev.vmstate.core.objects;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MapleTreeTest {
  private static final long TREE = DIRECT + 0x20000;
  private static final long NODE = DIRECT + 0x30000;
  private static final long LEAF = 1 << 3 | 4;
  private static final long GAPPED = 3 << 3 | 2;

  private final HandKernel kernel =
      new HandKernel()
          .type("maple_tree", 16)
          .member("maple_tree", "ma_root", 8, 8)
          .type("maple_range_64", 256)
          .member("maple_range_64", "pivot", 8, 120)
          .member("maple_range_64", "slot", 128, 128)
          .length("maple_range_64", "pivot", 15)
          .length("maple_range_64", "slot", 16)
          .type("maple_arange_64", 256)
          .member("maple_arange_64", "pivot", 8, 72)
          .member("maple_arange_64", "slot", 80, 80)
          .length("maple_arange_64", "pivot", 9)
          .length("maple_arange_64", "slot", 10);
  private final List<String> found = new ArrayList<>();

  private Optional<String> walk() throws IOException {
    return new MapleTree(kernel.objects(), TREE)
        .walk(
            10_000,
            (first, last, pointer) ->
                found.add("%x-%x %x".formatted(first, last, pointer - DIRECT)));
  }

  private void root(long entry) {
    kernel.put(TREE, "maple_tree", "ma_root", entry);
  }

  /** A range_64 leaf: gap to 0xfff, a pointer to 0x1fff, and, when full, one in the last slot. */
  private void leaf(long node, long first, boolean full) {
    kernel.word(node + 8, first + 0xfff).word(node + 16, first + 0x1fff);
    kernel.word(node + 128 + 8, DIRECT + 0x50000 + first);
    if (full) {
      for (int i = 2; i < 15; i++) {
        kernel.word(node + 8 + 8L * i, first + 0x1000L * (i + 1) - 1);
        kernel.word(node + 128 + 8L * i, 0);
      }
      kernel.word(node + 128 + 8 * 15, DIRECT + 0x51000 + first);
    }
  }

  @Test
  void anEmptyTreeHasNothing() throws IOException {
    assertEquals(Optional.empty(), walk());
    assertEquals(List.of(), found);
  }

  @Test
  void nodesHaveRangesWithPointers() throws IOException {
    root(NODE | GAPPED);
    kernel.word(NODE + 8, 0xffff).word(NODE + 80, NODE + 0x100 | LEAF);
    kernel.word(NODE + 88, NODE + 0x200 | LEAF); // the last: its pivot is 0
    leaf(NODE + 0x100, 0, true);
    leaf(NODE + 0x200, 0x10000, false);
    assertEquals(Optional.empty(), walk());
    assertEquals(List.of("1000-1fff 50000", "f000-ffff 51000", "11000-11fff 60000"), found);
  }

  @Test
  void aNodeThatLeadsToItselfEnds() throws IOException {
    root(NODE | GAPPED);
    for (int i = 0; i < 10; i++) {
      kernel.word(NODE + 80 + 8L * i, NODE | 3 << 3 | 4);
    }
    assertTrue(walk().orElseThrow().contains("level 31"));
  }

  @Test
  void manyPathsToOneNodeEnd() throws IOException {
    root(NODE | GAPPED);
    for (int i = 0; i < 9; i++) {
      kernel.word(NODE + 8 + 8L * i, i);
      kernel.word(NODE + 80 + 8L * i, NODE | 3 << 3 | 4);
    }
    assertTrue(walk().isPresent());
  }

  @Test
  void rangesInNoOrderAreRefused() throws IOException {
    root(NODE | 1 << 3 | 2);
    kernel.word(NODE + 8, 0x5000).word(NODE + 16, 0x4000);
    assertTrue(walk().orElseThrow().contains("in no order"));
  }

  @Test
  void aNodeOutsideOfMemoryIsNamed() throws IOException {
    root(0xdead_0000L | GAPPED);
    assertTrue(walk().orElseThrow().contains("leads to 0xdead"));
  }
}
