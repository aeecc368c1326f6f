package dev.vmstate.ram;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.memory.RamBlock;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RamIndexTest {
  private static final ByteBuffer NO_BYTES = ByteBuffer.allocate(0);

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 60);
  }

  private record Page(int block, long page) {}

  private record Value(RamIndex.Kind kind, long value) {}

  /**
   * Records as streams have them: runs, strides, repeats, scatter; against one map entry a page.
   */
  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void knowsTheLastValueOfEveryPageLikeAPlainMap(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<RamBlock> blocks =
        List.of(
            new RamBlock("a", 4096L * random.nextInt(1, 5000), 4096),
            new RamBlock("b", 4096L * random.nextInt(1, 700), 4096),
            new RamBlock("c", 4096L * 3, 4096));
    RamIndex index = new RamIndex(blocks);
    Map<Page, Value> oracle = new HashMap<>();
    Set<Page> again = new HashSet<>();
    long offset = random.nextLong(1L << 50);
    for (int runs = random.nextInt(1, 200); runs-- > 0; ) {
      int block = random.nextInt(blocks.size());
      long pages = blocks.get(block).pages();
      long page = random.nextLong(pages);
      long count = Math.min(pages - page, random.nextInt(1, random.nextInt(2, 1500)));
      boolean fill = random.nextInt(3) == 0;
      long stride = random.nextInt(3) == 0 ? random.nextLong(1L << 34) : 4104;
      boolean scattered = random.nextInt(4) == 0;
      for (long i = 0; i < count; i++) {
        Page at = new Page(block, page + i);
        if (oracle.containsKey(at)) {
          again.add(at);
        }
        if (fill) {
          int value = scattered ? random.nextInt(256) : 0;
          index.fill(block, page + i, value);
          oracle.put(at, new Value(RamIndex.Kind.FILL, value));
        } else {
          offset = scattered ? random.nextLong(1L << 55) : offset + stride & (1L << 55) - 1;
          index.data(block, page + i, NO_BYTES, 0, offset);
          oracle.put(at, new Value(RamIndex.Kind.DATA, offset));
        }
      }
    }
    for (int block = 0; block < blocks.size(); block++) {
      long[] counts = new long[4];
      for (long page = 0; page < blocks.get(block).pages(); page++) {
        Page at = new Page(block, page);
        Value expected = oracle.getOrDefault(at, new Value(RamIndex.Kind.ABSENT, 0));
        assertEquals(expected, new Value(index.kind(block, page), index.value(block, page)));
        assertEquals(again.contains(at), index.rewritten(block, page));
        counts[expected.kind().ordinal()]++;
        counts[3] += again.contains(at) ? 1 : 0;
      }
      assertEquals(
          new RamIndex.Counts(counts[1], counts[2], counts[0], counts[3]), index.counts(block));
    }
  }

  /** Alternating kinds and values are the most a chunk can hold. */
  @Test
  void pagesThatHaveNothingInCommonAreKept() {
    RamIndex index = new RamIndex(List.of(new RamBlock("a", 4096L * 1024, 4096)));
    for (int page = 0; page < 1024; page++) {
      if (page % 2 == 0) {
        index.fill(0, page, page % 256);
      } else {
        index.data(0, page, NO_BYTES, 0, 1L << 55 | page * 7919L % 1021);
      }
    }
    for (int page = 0; page < 1024; page++) {
      assertEquals(
          page % 2 == 0 ? page % 256 : 1L << 55 | page * 7919L % 1021, index.value(0, page));
    }
    assertEquals(new RamIndex.Counts(512, 512, 0, 0), index.counts(0));
  }

  /** Surefire gives this test 256 MiB: 64 GiB whose pages all lie somewhere else fit into it. */
  @Test
  void aScattered64GibGuestCosts8BytesAPage() {
    long pages = (64L << 30) / 4096;
    RamIndex index = new RamIndex(List.of(new RamBlock("pc.ram", pages * 4096, 4096)));
    long before = used();
    for (long page = 0; page < pages; page++) {
      index.data(0, page, NO_BYTES, 0, scattered(page));
    }
    long bytes = used() - before;
    assertTrue(bytes < 140L << 20, bytes + " bytes");
    for (long page = 0; page < pages; page += 4099) {
      assertEquals(scattered(page), index.value(0, page));
    }
  }

  private static long scattered(long page) {
    return (page * 0x9E3779B97F4A7C15L >>> 12) + 1;
  }

  private static long used() {
    Runtime runtime = Runtime.getRuntime();
    System.gc();
    return runtime.totalMemory() - runtime.freeMemory();
  }

  /** A stream as QEMU writes it: all pages in order, data and zeros in long runs. */
  @Test
  void an64GibGuestInOrderCostsFewMebibytes() {
    long pages = (64L << 30) / 4096;
    RamIndex index = new RamIndex(List.of(new RamBlock("pc.ram", pages * 4096, 4096)));
    long before = used();
    long offset = 1000;
    for (long page = 0; page < pages; page++) {
      if (page % 5000 < 2000) {
        index.data(0, page, NO_BYTES, 0, offset);
        offset += 4104;
      } else {
        index.fill(0, page, 0);
        offset += 9;
      }
    }
    long bytes = used() - before;
    assertTrue(bytes < 8L << 20, bytes + " bytes");
    assertFalse(index.rewritten(0, 0));
  }

  /** The block list of a file of a hundred bytes may announce 64 TiB. */
  @Test
  void aBlockThatIsOnlyAnnouncedCostsNothing() {
    long before = used();
    RamIndex index =
        new RamIndex(List.of(new RamBlock("a", 1L << 45, 4096), new RamBlock("b", 1L << 45, 1024)));
    index.fill(0, (1L << 33) - 1, 7);
    index.fill(0, (1L << 33) - 1, 8);
    index.data(1, (1L << 35) - 1, NO_BYTES, 0, 99);
    long bytes = used() - before;
    assertTrue(bytes < 4L << 20, bytes + " bytes");
    assertEquals(new RamIndex.Counts(0, 1, (1L << 33) - 1, 1), index.counts(0));
    assertEquals(new RamIndex.Counts(1, 0, (1L << 35) - 1, 0), index.counts(1));
    assertEquals(8, index.value(0, (1L << 33) - 1));
    assertEquals(RamIndex.Kind.ABSENT, index.kind(1, 12345));
    assertEquals(99, index.value(1, (1L << 35) - 1));
  }
}
