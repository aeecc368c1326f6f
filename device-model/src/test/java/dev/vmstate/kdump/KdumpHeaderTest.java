package dev.vmstate.kdump;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.OrderedCursor;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class KdumpHeaderTest {
  private static KdumpHeader header(ByteOrder order, int blockSize) {
    return new KdumpHeader(
        true,
        order,
        6,
        new Utsname("Linux", "guest", "6.1.0-test", "#1 SMP", "x86_64", "(none)"),
        PageFlags.DUMP_DH_COMPRESSED_ZSTD,
        blockSize,
        2,
        4,
        40_000,
        3,
        new KdumpSubHeader(
            -861_929_472L, 1, false, 40_000, new Span(0x1800, 100), new Span(0x1068, 900)));
  }

  private static KdumpHeader decode(byte[] bytes) throws IOException {
    return KdumpHeader.decode(ByteSource.of("a.kdump", bytes));
  }

  @Test
  void whatIsWrittenIsReadAgain() throws IOException {
    for (ByteOrder order : List.of(ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN)) {
      for (int blockSize : new int[] {4096, 65_536}) {
        KdumpHeader header = header(order, blockSize);
        assertEquals(header, decode(header.encode().array()));
      }
    }
  }

  @Test
  void everythingStandsBehindTheHeaders() {
    KdumpHeader header = header(ByteOrder.LITTLE_ENDIAN, 4096);
    assertTrue(header.partial());
    assertEquals(new Span(0x3000, 0x2000), header.ramBitmap());
    assertEquals(new Span(0x5000, 0x2000), header.dumpedBitmap());
    assertEquals(0x7000, header.descriptorsAt());
    assertEquals(0, header.base());
  }

  @Test
  void noPrefixIsAHeader() {
    byte[] whole = header(ByteOrder.LITTLE_ENDIAN, 4096).encode().array();
    for (int length = 0; length < 4096 + KdumpSubHeader.BYTES; length++) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThrows(FormatException.class, () -> decode(cut), "cut to " + length);
    }
  }

  @Test
  void aLaterVersionIsUnsupported() {
    ByteBuffer bytes = header(ByteOrder.LITTLE_ENDIAN, 4096).encode();
    bytes.order(ByteOrder.LITTLE_ENDIAN).putInt(8, 7);
    FormatException e = assertThrows(UnsupportedFormatException.class, () -> decode(bytes.array()));
    assertEquals(8, e.offset());
  }

  @Test
  void aNameThatIsTooLongIsCut() throws IOException {
    Utsname name = new Utsname("x".repeat(100), "", "", "", "m", "d");
    ByteBuffer bytes = ByteBuffer.allocate(Utsname.BYTES);
    name.encode(bytes);
    Utsname read = Utsname.decode(bytes.flip());
    assertEquals("x".repeat(64), read.sysname());
    assertEquals("d", read.domainname());
  }

  @Test
  void aDescriptorIsReadAgain() throws IOException {
    PageDescriptor descriptor = new PageDescriptor(0x1_2345_6789L, 0xffff_ffffL, 2);
    ByteBuffer bytes = ByteBuffer.allocate(PageDescriptor.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    descriptor.encode(bytes);
    assertFalse(bytes.hasRemaining());
    Cursor in = Cursor.of(ByteSource.of("a.kdump", bytes.array()));
    assertEquals(descriptor, PageDescriptor.decode(new OrderedCursor(in, ByteOrder.LITTLE_ENDIAN)));
  }
}
