package dev.vmstate.dump;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.fixtures.KdumpBuilder;
import java.io.IOException;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FlattenedSourceTest {
  private static FlattenedSource open(byte[] file) throws IOException {
    return new FlattenedSource(ByteSource.of("flat", file));
  }

  private static byte[] bytes(int value, int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  @Test
  void whatNoRecordWroteIsZero() throws IOException {
    FlattenedSource source = open(KdumpBuilder.flattened(10, bytes(1, 2), 14, bytes(2, 1)));
    assertEquals(15, source.size());
    assertArrayEquals(
        new byte[] {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 2}, source.bytes(new Span(0, 15)));
    assertThrows(IOException.class, () -> source.bytes(new Span(0, 16)));
  }

  @Test
  void aRecordMayStandAnywhereInAFileOfAnySize() throws IOException {
    FlattenedSource source = open(KdumpBuilder.flattened(1L << 60, bytes(7, 3), 0, bytes(1, 1)));
    assertEquals((1L << 60) + 3, source.size());
    assertArrayEquals(new byte[] {0, 7}, source.bytes(new Span((1L << 60) - 1, 2)));
  }

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 300);
  }

  /** The judge is what makedumpfile -R does: write each record at its offset. */
  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void laterRecordsReplaceEarlierOnes(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] expected = new byte[2000];
    Object[] records = new Object[2 * random.nextInt(1, 40)];
    int size = 0;
    int at = 0;
    for (int i = 0; i < records.length; i += 2) {
      byte[] content = bytes(i / 2 + 1, random.nextInt(4) == 0 ? random.nextInt(300) : 50);
      for (int j = 0; j < content.length; j++) {
        content[j] += (byte) j;
      }
      // As writers do: mostly on from the last record, so that runs come about.
      at = random.nextInt(3) == 0 || at > 1700 ? random.nextInt(1700) : at;
      records[i] = at;
      records[i + 1] = content;
      System.arraycopy(content, 0, expected, at, content.length);
      at += content.length;
      size = Math.max(size, at);
    }
    FlattenedSource source = open(KdumpBuilder.flattened(records));
    assertEquals(size, source.size());
    assertArrayEquals(Arrays.copyOf(expected, size), source.bytes(new Span(0, size)));
    for (int i = 0; i < 50 && size > 0; i++) {
      int from = random.nextInt(size);
      int length = random.nextInt(size - from + 1);
      assertArrayEquals(
          Arrays.copyOfRange(expected, from, from + length), source.bytes(new Span(from, length)));
    }
  }

  @Test
  void noCutOffFileIsTakenForAWholeOne() throws IOException {
    byte[] whole = KdumpBuilder.flattened(0, bytes(1, 30), 30, bytes(2, 30));
    assertEquals(60, open(whole).size());
    for (int length = 0; length < whole.length; length += length < 4090 ? 51 : 1) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThrows(FormatException.class, () -> open(cut), "cut to " + length);
    }
  }

  @Test
  void recordsThatLeaveTheFileAreRefusedWithTheirPlace() {
    byte[] file = KdumpBuilder.flattened(0, bytes(1, 30));
    file[4096] = (byte) 0x80; // the offset, negative
    FormatException e = assertThrows(FormatException.class, () -> open(file));
    assertTrue(e.getMessage().startsWith("flat: at offset 0x1008: a record of 0x1e bytes"));
    file[4096] = 0;
    file[4096 + 8] = 1; // the size, longer than the file
    assertTrue(assertThrows(FormatException.class, () -> open(file)).getMessage().contains("left"));
  }

  @Test
  void anotherTypeOrVersionIsUnsupported() {
    byte[] file = KdumpBuilder.flattened(0, bytes(1, 30));
    file[31] = 2;
    assertThrows(UnsupportedFormatException.class, () -> open(file));
  }

  @Test
  void oneMoreRunThanThereIsRoomForIsRefused() {
    FlatRuns runs = new FlatRuns(16);
    for (int i = 0; i < FlatRuns.LIMIT; i++) {
      assertTrue(runs.add(10L * i, 30L * i, 5));
    }
    assertTrue(runs.add(10L * (FlatRuns.LIMIT - 1) + 5, 30L * (FlatRuns.LIMIT - 1) + 21, 5));
    assertTrue(!runs.add(0, 0, 5));
    assertEquals(FlatRuns.LIMIT, runs.size());
  }
}
