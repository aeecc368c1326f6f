package dev.vmstate.stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MappedRamTest {
  /** Where the header of the first block stands: magic, configuration, section, entry. */
  private static final int HEADER = 0x72;

  private static MigrationStreamBuilder pc() {
    return pc(4096);
  }

  private static MigrationStreamBuilder pc(int alignment) {
    return new MigrationStreamBuilder("pc-i440fx-10.0")
        .mappedRam(alignment)
        .block("pc.ram", 0x41000)
        .block("vga.vram", 0x4000);
  }

  private static RamSetup head(byte[] stream, long streamAt) throws IOException {
    Cursor in = Cursor.of(ByteSource.of("a.mig", stream));
    return RamSetup.decode(in, StreamHeader.decode(in, "a.mig"), "a.mig", streamAt);
  }

  @Test
  void pagesAndBitmapsAreFoundBlockByBlock() throws Exception {
    RamSetup ram = head(pc().build(), 0);
    assertTrue(ram.isMapped());
    assertTrue(ram.footers());
    MappedRam first = ram.mapped().get(0);
    assertEquals(new Span(HEADER + 28, 16), first.bitmap()); // 65 pages: two words
    assertEquals(new Span(0x1000, 0x41000), first.pages());
    MappedRam second = ram.mapped().get(1);
    assertEquals(8, second.bitmap().length());
    assertEquals(new Span(0x43000, 0x4000), second.pages());
    assertEquals(0x47000 + 8 + 5, ram.span().end()); // EOS and footer
    // the list without bitmaps and pages: entry and header of each block, and the end
    long start = ram.span().offset();
    assertEquals(
        List.of(
            new Span(start, HEADER + 28 - start),
            new Span(0x42000, 1 + 8 + 8 + 28),
            new Span(0x47000, 13)),
        ram.list());
  }

  /** QEMU's own files start the pages at the next MiB. */
  @Test
  void offsetsCountFromTheStartOfTheFile() throws Exception {
    for (long at : new long[] {1, 5000, 0x100000}) {
      RamSetup ram = head(pc(1 << 20).streamAt(at).build(), at);
      assertEquals(HEADER + 28, ram.mapped().get(0).bitmap().offset());
      long pages = ram.mapped().get(0).pages().offset() + at;
      assertEquals(0, pages % 0x100000);
      assertTrue(pages > at && pages <= at + 0x100000);
    }
    FormatException moved = assertThrows(FormatException.class, () -> head(pc().build(), 0x100000));
    assertTrue(moved.getMessage().contains("was the stream moved"), moved.getMessage());
  }

  @Test
  void memoryThatIsElsewhereHasNeitherBitmapNorPages() throws Exception {
    MigrationStreamBuilder stream =
        new MigrationStreamBuilder("pc-q35-11.1")
            .capability("x-ignore-shared")
            .mappedRam(4096)
            .block("mem", 0x40000)
            .block("vga.vram", 0x4000)
            .elsewhere("mem");
    RamSetup ram = head(stream.build(), 0);
    assertFalse(ram.mapped().get(0).stored());
    assertTrue(ram.mapped().get(1).stored());
    assertTrue(ram.span().end() < 0x8000);
    // without the capability such offsets are nonsense
    byte[] plain = pc().elsewhere("pc.ram").build();
    assertThrows(FormatException.class, () -> head(plain, 0));
  }

  /** One field of the first block's header is another. */
  @ParameterizedTest
  @CsvSource({
    "0, 4, 2, mapped-ram header version 2",
    "0, 4, 0, mapped-ram header version 0",
    "4, 8, 0, has pages of 0x0 bytes",
    "4, 8, 0x10000, has pages of 0x10000 bytes",
    "4, 8, 0xffffffffffffffff, has pages of 0xffffffffffffffff bytes",
    "12, 8, 0x10, the bitmap of RAM block 'pc.ram' stands at file offset 0x10",
    "12, 8, 0x8c, the bitmap of RAM block 'pc.ram' stands at file offset 0x8c",
    "12, 8, 0x10000000, bytes before the bitmap of 'pc.ram'",
    "12, 8, 0xfffffffffffff000, the bitmap of RAM block 'pc.ram' stands at",
    "12, 8, 0x7fffffffffffffff, bytes before the bitmap of 'pc.ram'",
    "20, 8, 0x0, the pages of RAM block 'pc.ram' stand at file offset 0x0",
    "20, 8, 0x80, the pages of RAM block 'pc.ram' stand at file offset 0x80",
    "20, 8, 0x1001, which no page size divides",
    "20, 8, 0x1000000, bytes before the pages of 'pc.ram'",
    "20, 8, 0xfffffffffffff000, the pages of RAM block 'pc.ram' stand at",
    "20, 8, 0x7ffffffffffff000, bytes before the pages of 'pc.ram'",
  })
  void aHeaderThatCannotBeIsRefusedWithItsPlace(int at, int width, String value, String part) {
    byte[] stream = pc().build();
    ByteBuffer bytes = ByteBuffer.wrap(stream);
    long number = Long.parseUnsignedLong(value.replace("0x", ""), value.startsWith("0x") ? 16 : 10);
    if (width == 4) {
      bytes.putInt(HEADER + at, (int) number);
    } else {
      bytes.putLong(HEADER + at, number);
    }
    FormatException e = assertThrows(FormatException.class, () -> head(stream, 0));
    assertTrue(e.getMessage().contains(part), e.getMessage());
    assertTrue(e.getMessage().contains("at offset 0x"), e.getMessage());
    assertEquals(width == 4, e instanceof UnsupportedFormatException);
  }

  /** The second block's pages would lie over the first's. */
  @Test
  void blocksThatOverlapAreRefused() throws Exception {
    byte[] stream = pc().build();
    int second = (int) head(stream, 0).mapped().get(1).bitmap().offset() - 28;
    ByteBuffer.wrap(stream).putLong(second + 20, 0x3000);
    FormatException e = assertThrows(FormatException.class, () -> head(stream, 0));
    assertTrue(e.getMessage().contains("the pages of RAM block 'vga.vram'"), e.getMessage());
    ByteBuffer.wrap(stream).putLong(second + 20, 0x43000).putLong(second + 12, 0x3000);
    e = assertThrows(FormatException.class, () -> head(stream, 0));
    assertTrue(e.getMessage().contains("the bitmap of RAM block 'vga.vram'"), e.getMessage());
  }

  @Test
  void noPrefixOfAMappedHeadIsAHead() throws Exception {
    byte[] stream = pc().build();
    int end = (int) head(stream, 0).span().end();
    for (int cut = 0; cut < end; cut += cut < 0x200 || cut > end - 0x200 ? 1 : 509) {
      byte[] prefix = Arrays.copyOf(stream, cut);
      if (cut == end - 5) {
        continue; // a stream without footers could begin so
      }
      FormatException e = assertThrows(FormatException.class, () -> head(prefix, 0));
      assertTrue(e.getMessage().contains("at offset 0x"), e.getMessage());
    }
  }

  /** QEMU 10 ends the block list of a multifd stream with MULTIFD_FLUSH before EOS. */
  @Test
  void multifdAndRdmaAreRefusedByName() {
    byte[] stream = new MigrationStreamBuilder("pc-q35-10.0").block("pc.ram", 0x8000).build();
    byte[] eos = {0, 0, 0, 0, 0, 0, 0, 0x10, 0x7e};
    for (int flag : new int[] {0x200, 0x80}) {
      byte[] other = stream.clone();
      int at = indexOf(other, eos);
      ByteBuffer.wrap(other).putLong(at, flag);
      FormatException e = assertThrows(UnsupportedFormatException.class, () -> head(other, 0));
      assertTrue(e.getMessage().contains(flag == 0x80 ? "RDMA" : "multifd"), e.getMessage());
      assertEquals(at, e.offset());
    }
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    for (int i = 0; i + part.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
        return i;
      }
    }
    throw new AssertionError("not found");
  }
}
