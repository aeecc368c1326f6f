package dev.vmstate.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ScalarTypeTest {
  private static final List<String> NAMES =
      List.of(
          "bool",
          "uint8",
          "uint16",
          "uint32",
          "uint64",
          "int8",
          "int16",
          "int32",
          "int64",
          "uint8 equal",
          "uint32 equal",
          "int32 equal",
          "int32 le",
          "int64 equal",
          "timer",
          "CPU_Double_U",
          "nullptr",
          "ptr-marker");

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 100);
  }

  private static ScalarType type(String name) {
    return ScalarType.of(name).orElseThrow();
  }

  @ParameterizedTest
  @CsvSource({
    "bool,0 to 1",
    "uint8,0 to 255",
    "int8,-128 to 127",
    "uint16,0 to 65535",
    "int16,-32768 to 32767",
    "uint32,0 to 4294967295",
    "int32,-2147483648 to 2147483647",
    "uint64,0 to 18446744073709551615",
    "int64,-9223372036854775808 to 9223372036854775807",
    "timer,-9223372036854775808 to 9223372036854775807"
  })
  void bothEndsOfTheRangeFitAndOneMoreDoesNot(String name, String range) {
    ScalarType type = type(name);
    assertEquals(range, type.range());
    String low = range.substring(0, range.indexOf(' '));
    String high = range.substring(range.lastIndexOf(' ') + 1);
    assertEquals(low, type.format(type.decode(type.encode(type.parse(low)), 0)));
    assertEquals(high, type.format(type.decode(type.encode(type.parse(high)), 0)));
    java.math.BigInteger one = java.math.BigInteger.ONE;
    String above = new java.math.BigInteger(high).add(one).toString();
    String below = new java.math.BigInteger(low).subtract(one).toString();
    assertThrows(IllegalArgumentException.class, () -> type.parse(above));
    assertThrows(IllegalArgumentException.class, () -> type.parse(below));
  }

  @Test
  void hexIsTheBitsOfTheFieldWhateverItsSign() {
    assertEquals(-1, type("int8").parse("0xff"));
    assertEquals(255, type("uint8").parse("0xFF"));
    assertEquals(-1, type("timer").parse("0xffffffffffffffff"));
    assertEquals(-1, type("uint64").parse("0Xffffffffffffffff"));
    assertThrows(IllegalArgumentException.class, () -> type("int8").parse("0x100"));
    assertThrows(IllegalArgumentException.class, () -> type("uint64").parse("0x1ffffffffffffffff"));
    assertThrows(IllegalArgumentException.class, () -> type("uint8").parse("0x"));
    assertThrows(IllegalArgumentException.class, () -> type("uint8").parse("0x-1"));
  }

  /** QEMU loads any byte as a bool, but writes 0 and 1: hex must not get round that. */
  @Test
  void aBoolIsZeroOrOneHoweverItIsWritten() {
    assertEquals(1, type("bool").parse("true"));
    assertEquals(0, type("bool").parse("false"));
    assertEquals(1, type("bool").parse(" 0x1 "));
    assertThrows(IllegalArgumentException.class, () -> type("bool").parse("2"));
    assertThrows(IllegalArgumentException.class, () -> type("bool").parse("0x2"));
    assertThrows(IllegalArgumentException.class, () -> type("bool").parse("yes"));
  }

  @Test
  void whatIsNoNumberIsRefusedWithTypeAndRange() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> type("uint8").parse("12x"));
    assertEquals("'12x' is not a number of type uint8 (0 to 255)", e.getMessage());
    for (String text : List.of("", "-", "1.0", "1e3", "0b1", "--1", "\u0661x")) {
      assertThrows(IllegalArgumentException.class, () -> type("int32").parse(text));
    }
  }

  @Test
  void typesAreBigEndianOnTheWire() {
    assertArrayEquals(new byte[] {0x12, 0x34}, type("uint16").encode(0x1234));
    assertArrayEquals(new byte[] {-1, -1, -1, -2}, type("int32").encode(-2));
    assertEquals(-2, type("int32").decode(new byte[] {9, -1, -1, -1, -2}, 1));
    assertEquals(0xffff_fffeL, type("uint32").decode(new byte[] {-1, -1, -1, -2}, 0));
  }

  @Test
  void fieldsThatQemuComparesAreKnown() {
    assertTrue(type("uint8 equal").comparedOnLoad());
    assertTrue(type("int32 le").comparedOnLoad());
    assertTrue(type("nullptr").comparedOnLoad());
    assertTrue(type("ptr-marker").comparedOnLoad());
    assertFalse(type("uint8").comparedOnLoad());
    assertTrue(ScalarType.of("buffer").isEmpty());
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void everyValueSurvivesBytesAndText(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (String name : NAMES) {
      ScalarType type = type(name);
      byte[] bytes = new byte[type.width()];
      random.nextBytes(bytes);
      if (name.equals("bool")) {
        bytes[0] &= 1;
      }
      long value = type.decode(bytes, 0);
      assertArrayEquals(bytes, type.encode(value), name);
      assertEquals(value, type.parse(type.format(value)), name);
    }
  }
}
