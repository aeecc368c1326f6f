package dev.vmstate.ram;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class XbzrleTest {
  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 200);
  }

  private static boolean apply(byte[] page, int... delta) {
    byte[] bytes = new byte[delta.length + 7];
    for (int i = 0; i < delta.length; i++) {
      bytes[3 + i] = (byte) delta[i];
    }
    return Xbzrle.apply(page, ByteBuffer.wrap(bytes), 3, delta.length);
  }

  @Test
  void runsAreLaidOverThePage() {
    byte[] page = {1, 2, 3, 4, 5, 6, 7, 8};
    assertTrue(apply(page, 0, 2, 0xaa, 0xbb, 3, 1, 0xcc));
    assertArrayEquals(new byte[] {(byte) 0xaa, (byte) 0xbb, 3, 4, 5, (byte) 0xcc, 7, 8}, page);
    byte[] same = page.clone();
    assertTrue(apply(page));
    assertArrayEquals(same, page);
    assertTrue(apply(page, 7, 1, 0x11)); // up to the last byte
    assertEquals(0x11, page[7]);
  }

  @Test
  void aRunOf128OrMoreHasTwoBytes() {
    byte[] page = new byte[16384];
    assertTrue(apply(page, 0xff, 0x7f, 1, 5)); // 16383
    assertEquals(5, page[16383]);
    assertTrue(apply(page, 0x80, 0x01, 1, 6));
    assertEquals(6, page[128]);
  }

  @Test
  void whatIsNoDeltaIsRefused() {
    byte[] page = new byte[8];
    assertFalse(apply(page, 1)); // no changed run
    assertFalse(apply(page, 1, 0)); // an empty one
    assertFalse(apply(page, 1, 2, 9)); // cut
    assertFalse(apply(page, 0, 1, 9, 0, 1, 9)); // nothing unchanged in between
    assertFalse(apply(page, 9, 1, 9)); // starts behind the page
    assertFalse(apply(page, 8, 1, 9));
    assertFalse(apply(page, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9)); // ends behind it
    assertFalse(apply(page, 0x80)); // half a length
    assertFalse(apply(page, 0x80, 0x80, 1)); // a length of three bytes
    assertFalse(apply(page, 0, 0x81));
  }

  private static void number(ByteArrayOutputStream out, int value) {
    if (value >= 0x80) {
      out.write(value & 0x7f | 0x80);
      out.write(value >> 7);
    } else {
      out.write(value);
    }
  }

  /** Any two pages: what differs, written down by the format's description, gives the second. */
  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void anyTwoPagesAndWhatDiffersBetweenThem(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] before = new byte[4096];
    random.nextBytes(before);
    byte[] after = before.clone();
    for (int changes = random.nextInt(20); changes-- > 0; ) {
      int at = random.nextInt(4096);
      for (int i = at; i < Math.min(4096, at + random.nextInt(1, 300)); i++) {
        after[i] = (byte) random.nextInt();
      }
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int at = 0;
    while (at < 4096) {
      int from = at;
      while (at < 4096 && before[at] == after[at]) {
        at++;
      }
      if (at == 4096) {
        break;
      }
      number(out, at - from);
      from = at;
      while (at < 4096 && before[at] != after[at]) {
        at++;
      }
      number(out, at - from);
      out.write(after, from, at - from);
    }
    byte[] delta = out.toByteArray();
    byte[] page = before.clone();
    assertTrue(Xbzrle.apply(page, ByteBuffer.wrap(delta), 0, delta.length));
    assertArrayEquals(after, page);
    for (int cut = 1; cut < Math.min(delta.length, 200); cut++) {
      Xbzrle.apply(before.clone(), ByteBuffer.wrap(delta), 0, cut); // throws nothing
    }
  }
}
