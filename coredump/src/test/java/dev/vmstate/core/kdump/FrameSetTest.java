package dev.vmstate.core.kdump;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.BitSet;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FrameSetTest {
  @ParameterizedTest
  @ValueSource(longs = {0, 1L << 33})
  void itIsASetOfBits(long base) {
    SplittableRandom random = new SplittableRandom(7);
    FrameSet frames = new FrameSet();
    BitSet expected = new BitSet();
    int size = 100_000;
    for (int i = 0; i < 200; i++) {
      int from = random.nextInt(size);
      int to = Math.min(size, from + (i % 3 == 0 ? random.nextInt(20_000) : random.nextInt(70)));
      int before = expected.cardinality();
      expected.set(from, to);
      assertEquals(expected.cardinality() - before, frames.add(base + from, base + to));
      int at = random.nextInt(size);
      assertEquals(expected.get(at), frames.has(base + at));
      int next = expected.nextSetBit(at);
      assertEquals(base + (next < 0 ? size : next), frames.next(true, base + at, base + size));
      assertEquals(
          base + Math.min(size, expected.nextClearBit(at)),
          frames.next(false, base + at, base + size));
    }
    byte[] bitmap = new byte[size / 8];
    Arrays.fill(bitmap, (byte) 0xff);
    frames.clear(base, bitmap);
    expected.flip(0, size);
    assertArrayEquals(Arrays.copyOf(expected.toByteArray(), size / 8), bitmap);
  }

  @Test
  void aLevelIsANumberOrWords() {
    assertEquals(31, DumpLevel.parse("31").bits());
    assertEquals(31, DumpLevel.parse("zero,cache,cache-private,user,free").bits());
    assertEquals(18, DumpLevel.parse("free,cache").bits());
    for (String text : new String[] {"32", "-1", "", "zero,", "hwpoison", "ZERO", "99999"}) {
      assertThrows(IllegalArgumentException.class, () -> DumpLevel.parse(text), text);
    }
  }
}
