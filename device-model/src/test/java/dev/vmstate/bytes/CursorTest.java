package dev.vmstate.bytes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class CursorTest {
  private static Cursor over(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return Cursor.of(ByteSource.of("a.mig", bytes));
  }

  @Test
  void numbersAreBigEndianAndUnsigned() throws Exception {
    Cursor in = over(0xff, 0xfe, 0xfd, 0x80, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0, 2, 0x41);
    assertEquals(0xff, in.u8("a"));
    assertEquals(0xfefd, in.u16("b"));
    assertEquals(0x8000_0001L, in.u32("c"));
    assertEquals(0x8000_0000_0000_0002L, in.u64("d"));
    assertEquals(0x41, in.peek());
    assertEquals(15, in.position());
    assertEquals(1, in.remaining());
  }

  @Test
  void aFailedReadMovesNothingAndSaysWhereAndWhat() throws Exception {
    Cursor in = over(1, 2, 3, 4, 5);
    in.u16("first");
    FormatException e = assertThrows(FormatException.class, () -> in.u32("second"));
    assertEquals(
        "a.mig: at offset 0x2: 'second' needs 4 bytes, 3 left (is the file cut short?)",
        e.getMessage());
    assertEquals(2, e.offset());
    assertEquals(2, in.position());
    assertEquals(0x0304, in.u16("second"));
  }

  @Test
  void aSliceEndsWhereItEndsAndNamesItself() throws Exception {
    Cursor outer = over(9, 9, 1, 2, 3, 4, 5, 6);
    outer.u16("head");
    Cursor inner = outer.slice(4, "cpu");
    FormatException e = assertThrows(FormatException.class, () -> inner.u64("cr0"));
    assertEquals(
        "a.mig: cpu: at offset 0x2: 'cr0' needs 8 bytes, 4 left (is the file cut short?)",
        e.getMessage());
    assertEquals(0x01020304, inner.u32("cr0"));
    assertEquals(-1, inner.peek());
    assertEquals(0x0506, outer.u16("tail"));
    assertThrows(FormatException.class, () -> outer.slice(1, "more"));
  }

  @Test
  void badPointsAtTheValueReadLast() throws Exception {
    Cursor in = over(1, 2, 3, 4, 5, 6);
    in.u8("a");
    in.u32("b");
    assertEquals("a.mig: at offset 0x1: no", in.bad("no").getMessage());
  }

  @Test
  void lengthsBeyondTheEndAreRefusedBeforeAnythingIsAllocated() {
    for (long length : new long[] {3, Integer.MAX_VALUE, 1L << 32, Long.MAX_VALUE, -1}) {
      Cursor in = over(1, 2);
      assertThrows(FormatException.class, () -> in.skip(length, "data"));
      assertThrows(FormatException.class, () -> in.text(length, "data"));
      assertThrows(FormatException.class, () -> in.slice(length, "data"));
      assertEquals(0, in.position());
    }
  }

  @Test
  void aCountedStringThatIsCutShortMovesNothing() throws Exception {
    assertEquals("abc", over(3, 'a', 'b', 'c').countedString("name"));
    assertEquals("", over(0).countedString("name"));
    assertEquals("\u00e9", over(1, 0xe9).countedString("name"));
    Cursor in = over(4, 'a', 'b', 'c');
    FormatException e = assertThrows(FormatException.class, () -> in.countedString("name"));
    assertEquals("a.mig: at offset 0x0: 'name' is 4 bytes long, 3 left", e.getMessage());
    assertEquals(0, in.position());
    assertThrows(FormatException.class, () -> over().countedString("name"));
  }

  @Test
  void aSourceRefusesReadsThatLeaveIt() throws Exception {
    ByteSource source = ByteSource.of("a", "hello".getBytes(StandardCharsets.US_ASCII));
    assertArrayEquals(new byte[] {'l', 'o'}, source.bytes(new Span(3, 2)));
    assertThrows(IOException.class, () -> source.bytes(new Span(3, 3)));
    assertThrows(IOException.class, () -> source.read(-1, ByteBuffer.allocate(1)));
    assertThrows(IOException.class, () -> source.read(Long.MAX_VALUE, ByteBuffer.allocate(1)));
  }

  @Test
  void aSpanTooLongForOneArrayIsRefusedWithItsPlace() {
    ByteSource huge =
        new ByteSource() {
          @Override
          public String name() {
            return "huge";
          }

          @Override
          public long size() {
            return Long.MAX_VALUE;
          }

          @Override
          public void read(long offset, ByteBuffer into) {
            throw new AssertionError("read");
          }
        };
    FormatException e =
        assertThrows(FormatException.class, () -> huge.bytes(new Span(16, 1L << 33)));
    assertEquals("huge: at offset 0x10: 0x200000000 bytes at once are too many", e.getMessage());
  }

  @Test
  void spansThatOverflowDoNotExist() {
    assertThrows(IllegalArgumentException.class, () -> new Span(Long.MAX_VALUE, 1));
    assertThrows(IllegalArgumentException.class, () -> new Span(-1, 1));
    assertThrows(IllegalArgumentException.class, () -> new Span(1, -1));
    assertThrows(IllegalArgumentException.class, () -> new Span(10, 4).at(2, 3));
    assertThrows(IllegalArgumentException.class, () -> new Span(10, 4).at(-1, 1));
    assertEquals(new Span(12, 2), new Span(10, 4).at(2, 2));
  }
}
