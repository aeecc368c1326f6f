package dev.vmstate.inject;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class ClusterSetTest {
  @Test
  void itIsASortedSetThatCounts() throws Exception {
    SplittableRandom random = new SplittableRandom(1);
    ClusterSet set = new ClusterSet();
    TreeSet<Long> expected = new TreeSet<>();
    long[] bases = {0, 4090, 1L << 40};
    for (int i = 0; i < 3000; i++) {
      long cluster = bases[random.nextInt(3)] + random.nextInt(9000);
      if (random.nextInt(4) == 0) {
        set.remove(cluster);
        expected.remove(cluster);
      } else {
        assertEquals(expected.add(cluster), set.add(cluster));
      }
      long asked = bases[random.nextInt(3)] + random.nextInt(10_000);
      assertEquals(expected.contains(asked), set.contains(asked));
      if (i % 10 == 0) {
        assertEquals(expected.headSet(asked).size(), set.rank(asked));
        List<Long> part = new ArrayList<>();
        set.visit(asked, asked + 5000, part::add);
        assertEquals(List.copyOf(expected.subSet(asked, asked + 5000)), part);
      }
    }
    assertEquals(expected.size(), set.size());
    List<Long> all = new ArrayList<>();
    set.visit(all::add);
    assertEquals(List.copyOf(expected), all);
  }

  @Test
  void nothingIsInAnEmptyOne() throws Exception {
    ClusterSet set = new ClusterSet();
    assertFalse(set.contains(0));
    assertEquals(0, set.rank(Long.MAX_VALUE));
    set.visit(
        cluster -> {
          throw new AssertionError();
        });
    assertTrue(set.add(0));
    set.visit(
        0,
        0,
        cluster -> {
          throw new AssertionError();
        });
  }
}
