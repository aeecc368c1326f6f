package dev.vmstate.hardware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FoldedLinesTest {
  private static final ScalarType UINT8 = ScalarType.of("uint8").orElseThrow();
  private static final ScalarType INT8 = ScalarType.of("int8").orElseThrow();

  private static FieldBytes field(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return new FieldBytes(ByteSource.of("field", bytes), new Span(0, bytes.length));
  }

  private static String all(FoldedLines lines) throws IOException {
    List<String> text = new ArrayList<>();
    while (!lines.done()) {
      String label = lines.label();
      text.add(label + " " + lines.line());
    }
    return String.join("\n", text);
  }

  private static String numbers(int... values) throws IOException {
    return all(FoldedLines.numbers(field(values), UINT8, values.length));
  }

  /** What a reader of the text gets, each value with its line. */
  private static String read(String text, int count) throws IOException {
    List<String> runs = new ArrayList<>();
    ValueSink sink =
        new ValueSink() {
          @Override
          public void run(long first, long repeat, long value, int line) {
            runs.add("%d+%d=%d@%d".formatted(first, repeat, value, line));
          }

          @Override
          public void end() {
            runs.add("end");
          }
        };
    FoldedText reader = FoldedText.numbers(new XmlPlace("f"), INT8, count, sink);
    for (int i = 0; i < text.length(); i++) { // the worst pieces a parser can hand over
      int line = 1 + (int) text.substring(0, i).chars().filter(c -> c == '\n').count();
      reader.feed(new char[] {text.charAt(i)}, 0, 1, line);
    }
    reader.end(99);
    return runs.stream().collect(Collectors.joining(" "));
  }

  @Test
  void threeOfOneValueAreWrittenOutAndFourAreFolded() throws IOException {
    assertEquals("0x0: 0x7 0x7 0x7", numbers(7, 7, 7));
    assertEquals("0x0: 0x7*4", numbers(7, 7, 7, 7));
    assertEquals("0x0: 0x1 0x7*4 0x1", numbers(1, 7, 7, 7, 7, 1));
  }

  @Test
  void linesEndAtMultiplesOfEight() throws IOException {
    assertEquals(
        "0x0: 0x0 0x1 0x2 0x3 0x4 0x5 0x6 0x7\n0x8: 0x8 0x9",
        numbers(IntStream.range(0, 10).toArray()));
  }

  @Test
  void aRunOverTheEndOfALineEndsItAndTheNextGoesOnToTheMultiple() throws IOException {
    int[] values = new int[20];
    values[0] = 1;
    values[13] = 2;
    values[19] = 3;
    assertEquals("0x00: 0x1 0x0*12\n0x0d: 0x2 0x0*5\n0x13: 0x3", numbers(values));
  }

  @Test
  void aShortRunOverTheEndOfALineIsNotFolded() throws IOException {
    assertEquals(
        "0x0: 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x9\n0x8: 0x9 0x9 0x1",
        numbers(1, 2, 3, 4, 5, 6, 7, 9, 9, 9, 1));
  }

  @Test
  void aRunThatEndsWithItsLineStartsNoEmptyOne() throws IOException {
    assertEquals("0x0: 0x5*8\n0x8: 0x6", numbers(5, 5, 5, 5, 5, 5, 5, 5, 6));
  }

  @Test
  void bytesStandThirtyTwoOnALineAndFoldFromSixteen() throws IOException {
    int[] values = new int[70];
    values[33] = 0xab;
    assertEquals("0x00: 00*33\n0x21: ab 00*36", all(FoldedLines.bytes(field(values))));
    values[40] = 0xcd;
    assertEquals(
        "0x00: 00*33\n0x21: ab 00 00 00 00 00 00 cd 00*29", all(FoldedLines.bytes(field(values))));
  }

  @Test
  void anEmptyArrayHasNoLines() throws IOException {
    assertEquals("", numbers());
    assertEquals("end", read("", 0));
  }

  @Test
  void valuesComeWithTheLineTheyStandOn() throws IOException {
    assertEquals("0+1=1@2 1+3=-2@2 4+1=127@4 end", read("\n 0x0: 1 -2*3\n\n\t0x4: 0x7f ", 5));
  }

  @Test
  void labelsMayBeLeftOutOrStandInsideALine() throws IOException {
    assertEquals("0+1=1@1 1+1=2@1 2+1=3@2 end", read("1 0x1: 2\n3", 3));
  }

  @Test
  void aSignedTypeTakesHexadecimalAsBits() throws IOException {
    assertEquals("0+1=-1@1 end", read("0xff", 1));
  }

  @Test
  void aWrongLabelNamesTheIndexThatIsDue() {
    HardwareXmlException e =
        assertThrows(HardwareXmlException.class, () -> read("0x0: 1 2\n0x3: 4", 4));
    assertEquals(
        "f: line 2: label 0x3: stands before index 0x2; 1 is missing before it", e.getMessage());
    e = assertThrows(HardwareXmlException.class, () -> read("0x0: 1 2 3\n0x2: 4", 4));
    assertEquals(
        "f: line 2: label 0x2: stands before index 0x3; 1 too many before it", e.getMessage());
    e = assertThrows(HardwareXmlException.class, () -> read("1 2:", 4));
    assertEquals("f: line 1: '2:' is no label: one reads 0x1:", e.getMessage());
  }

  @Test
  void tooManyAndTooFewValuesAreRefused() {
    HardwareXmlException e = assertThrows(HardwareXmlException.class, () -> read("1 2", 3));
    assertEquals("f: line 99: 2 values where 3 were expected", e.getMessage());
    e = assertThrows(HardwareXmlException.class, () -> read("1 2 3 4", 3));
    assertEquals("f: line 1: 1 more values from index 0x3 on where 0 are expected", e.getMessage());
    e = assertThrows(HardwareXmlException.class, () -> read("1*99999999999", 3));
    assertEquals(
        "f: line 1: 99999999999 more values from index 0x0 on where 3 are expected",
        e.getMessage());
  }

  @Test
  void brokenFoldsAreRefused() {
    for (String text :
        List.of("1*", "*3", "1*0", "1*-2", "1*+2", "1*2*2", "1*99999999999999999999")) {
      assertThrows(HardwareXmlException.class, () -> read(text, 4), text);
    }
  }
}
