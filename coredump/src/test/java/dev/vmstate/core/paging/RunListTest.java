package dev.vmstate.core.paging;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RunListTest {
  private static final int SPACE = 60;

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 300);
  }

  /** Against one array element per page; the last page ends at 2^64. */
  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void aSumHasTheFirstListsAddressesAndTheOthersInBetween(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] first = pages(random);
    int[] second = pages(random);
    int[] sum = new int[SPACE];
    for (int i = 0; i < SPACE; i++) {
      sum[i] = first[i] != 0 ? first[i] : second[i];
    }
    assertEquals(list(sum).toList(), list(first).plus(list(second)).toList());
  }

  private static int[] pages(SplittableRandom random) {
    int[] pages = new int[SPACE];
    for (int i = 0; i < SPACE; i++) {
      boolean goesOn = i > 0 && pages[i - 1] != 0 && random.nextInt(4) != 0;
      pages[i] = random.nextInt(3) == 0 ? 0 : goesOn ? pages[i - 1] + 1 : 1000 + random.nextInt(9);
    }
    return pages;
  }

  private static RunList list(int[] pages) {
    RunList list = new RunList(1000);
    for (int i = 0; i < SPACE; i++) {
      if (pages[i] != 0) {
        list.add((long) (i - SPACE) << 12, (long) pages[i] << 12, 4096, 0);
      }
    }
    return list;
  }
}
