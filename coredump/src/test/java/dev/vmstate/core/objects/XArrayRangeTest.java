package dev.vmstate.core.objects;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Arrays that no kernel makes. */
class XArrayRangeTest {
  private static final long ARRAY = DIRECT + 0x2_0000;
  private static final long TOP = DIRECT + 0x2_1000;
  private static final long BELOW = DIRECT + 0x2_2000;

  private final HandKernel kernel =
      new HandKernel()
          .type("xarray", 16)
          .member("xarray", "xa_head", 8, 8)
          .type("xa_node", 0x240)
          .member("xa_node", "shift", 0, 1)
          .member("xa_node", "slots", 0x28, 512)
          .length("xa_node", "slots", 64)
          .word(ARRAY + 8, TOP | 2);

  private void node(long at, int shift, long entry, int count) {
    kernel.put(at, "xa_node", "shift", shift);
    for (int i = 0; i < count; i++) {
      kernel.word(at + 0x28 + 8L * i, entry);
    }
  }

  /** One behind the other, each index once: who copies pages by them copies no page twice. */
  @Test
  void aNodeHasNoMoreThanItsParentHasItFor() throws IOException {
    node(TOP, 6, BELOW | 2, 2);
    node(BELOW, 5, DIRECT, 64); // 2048 where 64 are
    List<List<Long>> told = new ArrayList<>();
    XArray array = new XArray(kernel.objects(), ARRAY);

    Optional<String> fault =
        array.range(0, 5000, 1000, (first, last, entry) -> told.add(List.of(first, last)));

    assertEquals(
        List.of(List.of(0L, 31L), List.of(32L, 63L), List.of(64L, 95L), List.of(96L, 127L)), told);
    assertTrue(fault.orElse("").contains("more than its parent"), fault.toString());
  }

  @Test
  void whatWasLookedAtIsCounted() throws IOException {
    node(TOP, 0, DIRECT, 10);
    XArray array = new XArray(kernel.objects(), ARRAY);
    assertTrue(array.range(0, 63, 100, (first, last, entry) -> {}).isEmpty());
    assertEquals(90, array.left());
    assertTrue(array.range(0, 63, 5, (first, last, entry) -> {}).isPresent());
    assertEquals(0, array.left());
  }
}
