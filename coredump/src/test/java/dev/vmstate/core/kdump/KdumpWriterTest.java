package dev.vmstate.core.kdump;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import dev.vmstate.bytes.Progress;
import dev.vmstate.core.Cpus;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.zip.Inflater;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The file's bytes, read as the format's description says. */
class KdumpWriterTest {
  private static final int PAGE = 4096;
  private static final String TEXT =
      "OSRELEASE=6.1.0-test\nPAGESIZE=4096\nSYMBOL(_stext)=ffffffff81000000\n"
          + "NUMBER(phys_base)=-861929472\n";

  /** Frames 0 and 1 are RAM, a hole, then frames 16 to 23; frame 23 ends in the middle. */
  private static final List<RamBlock> BLOCKS = List.of(new RamBlock("pc.ram", 10 * PAGE, PAGE));

  /** Bytes of its two notes: heads, owners, descriptors. */
  private static final int NOTES = 12 + 8 + 336 + 12 + 8 + 440;

  private static final X86Cpu CPU = Cpus.of(0, "rip=fff0 rax=1 cr0=10");

  private final byte[] ram = new byte[10 * PAGE];
  private final byte[] file = new byte[1 << 20];

  private GuestMemory memory() {
    MemoryMap map =
        new MemoryMap(
            BLOCKS,
            List.of(
                new MemoryMap.Range(0, 2 * PAGE, 0, 0),
                new MemoryMap.Range(16 * PAGE, 8 * PAGE - 100, 0, 2 * PAGE)),
            List.of());
    return new GuestMemory() {
      @Override
      public MemoryMap map() {
        return map;
      }

      @Override
      public void readBlock(int block, long offset, ByteBuffer into) {
        into.put(ram, (int) offset, into.remaining());
      }
    };
  }

  private KdumpWriter.Report write(KdumpCompression compression, LeftOut leftOut)
      throws IOException {
    return write(compression, leftOut, Optional.empty());
  }

  private KdumpWriter.Report write(
      KdumpCompression compression, LeftOut leftOut, Optional<Vmcoreinfo> info) throws IOException {
    return KdumpWriter.write(
        new KdumpWriter.Content(memory(), List.of(CPU, CPU, CPU), Optional.empty(), info, leftOut),
        PAGE,
        compression,
        (bytes, at) -> {
          int length = bytes.remaining();
          bytes.get(file, (int) at, length);
        },
        Progress.NONE);
  }

  private static byte[] unpack(KdumpCompression compression, byte[] packed) throws Exception {
    if (compression == KdumpCompression.ZSTD) {
      return Zstd.decompress(packed, PAGE);
    }
    Inflater inflater = new Inflater();
    inflater.setInput(packed);
    byte[] page = new byte[PAGE];
    assertEquals(PAGE, inflater.inflate(page));
    inflater.end();
    return page;
  }

  @ParameterizedTest
  @EnumSource(KdumpCompression.class)
  void everyFrameIsWhereItsDescriptorSays(KdumpCompression compression) throws Exception {
    Arrays.fill(ram, 0, PAGE, (byte) 'a');
    byte[] noise = new byte[PAGE];
    new Random(1).nextBytes(noise);
    System.arraycopy(noise, 0, ram, 3 * PAGE, PAGE);
    Arrays.fill(ram, 9 * PAGE, 10 * PAGE, (byte) 'z');
    write(compression, LeftOut.nothing(DumpLevel.NONE));
    ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals("KDUMP   ", new String(file, 0, 8, StandardCharsets.US_ASCII));
    assertEquals(6, in.getInt(8));
    assertEquals(compression == KdumpCompression.ZLIB ? 1 : 0x20, in.getInt(424));
    assertEquals(PAGE, in.getInt(428));
    assertEquals(1, in.getInt(432), "the notes");
    assertEquals(2, in.getInt(436));
    assertEquals(24, in.getInt(440));
    assertEquals(3, in.getInt(460));
    assertEquals(PAGE + 104, in.getLong(PAGE + 48));
    assertEquals(3 * NOTES, in.getLong(PAGE + 56));
    assertEquals(24, in.getLong(PAGE + 96));
    assertEquals(1, in.getInt(PAGE + 104 + 8), "NT_PRSTATUS comes first");
    assertEquals(336, in.getInt(PAGE + 104 + 4));
    for (int bitmap = 2 * PAGE; bitmap <= 3 * PAGE; bitmap += PAGE) {
      assertEquals(0x00ff0003, in.getInt(bitmap));
      assertEquals(0, in.getInt(bitmap + 4));
    }
    int[] frames = {0, 1, 16, 17, 18, 19, 20, 21, 22, 23};
    for (int i = 0; i < frames.length; i++) {
      int at = 4 * PAGE + 24 * i;
      int offset = (int) in.getLong(at);
      byte[] packed = Arrays.copyOfRange(file, offset, offset + in.getInt(at + 8));
      byte[] expected = Arrays.copyOfRange(ram, i * PAGE, (i + 1) * PAGE);
      if (frames[i] == 23) {
        Arrays.fill(expected, PAGE - 100, PAGE, (byte) 0);
      }
      int flags = in.getInt(at + 12);
      assertEquals(0, in.getLong(at + 16));
      if (flags == 0) {
        assertArrayEquals(expected, packed, "frame " + frames[i]);
        assertTrue(frames[i] == 17 || expected[0] == 0, "only noise and zeros are not packed");
      } else {
        assertEquals(in.getInt(424), flags);
        assertTrue(packed.length < PAGE);
        assertArrayEquals(expected, unpack(compression, packed), "frame " + frames[i]);
      }
    }
    assertEquals(in.getLong(4 * PAGE + 24), in.getLong(4 * PAGE + 2 * 24), "zeros share a page");
  }

  @Test
  void framesThatAreLeftOutAreInTheFirstBitmapAlone() throws Exception {
    for (int i = 0; i < 10; i++) {
      Arrays.fill(ram, i * PAGE, (i + 1) * PAGE, (byte) i);
    }
    LeftOut leftOut = new LeftOut(new DumpLevel(17));
    leftOut.add(PageKind.FREE, 1, 2);
    leftOut.add(PageKind.FREE, 18, 21);
    KdumpWriter.Report report = write(KdumpCompression.ZLIB, leftOut);
    assertEquals(10, report.frames());
    assertEquals(6, report.written());
    assertEquals(1, report.zeros());
    ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(1, in.getInt(424), "no status bit says so");
    assertEquals(17, in.getInt(PAGE + 8));
    assertEquals(0x00ff0003, in.getInt(2 * PAGE));
    assertEquals(0x00e30001, in.getInt(3 * PAGE));
    int[] expected = {0, 2, 3, 7, 8, 9};
    for (int i = 0; i < expected.length; i++) {
      int at = 4 * PAGE + 24 * i;
      int offset = (int) in.getLong(at);
      byte[] packed = Arrays.copyOfRange(file, offset, offset + in.getInt(at + 8));
      byte first = in.getInt(at + 12) == 0 ? packed[0] : unpack(KdumpCompression.ZLIB, packed)[0];
      assertEquals(expected[i], first);
    }
    assertEquals(4 * PAGE + 6 * 24, in.getLong(4 * PAGE), "data follows: frame 0 is of zeros");
  }

  @Test
  void vmcoreinfoIsANoteAndPointedAt() throws Exception {
    byte[] text = TEXT.getBytes(StandardCharsets.US_ASCII);
    Optional<Vmcoreinfo> info = Vmcoreinfo.of(text);
    LeftOut nothing = LeftOut.nothing(DumpLevel.NONE);
    Optional<Vmcoreinfo> found = write(KdumpCompression.ZLIB, nothing, info).vmcoreinfo();
    assertEquals("6.1.0-test", found.orElseThrow().release());
    assertEquals(OptionalLong.of(-861929472), found.get().physBase());
    ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(-861929472, in.getLong(PAGE));
    int at = (int) in.getLong(PAGE + 32);
    assertEquals(text.length, in.getLong(PAGE + 40));
    assertArrayEquals(text, Arrays.copyOfRange(file, at, at + text.length));
    int note = PAGE + 104 + 3 * NOTES;
    assertEquals(note + 24, at, "it is a note");
    assertEquals("VMCOREINFO\0", new String(file, note + 12, 11, StandardCharsets.US_ASCII));
    int length = 24 + (text.length + 3) / 4 * 4;
    assertEquals(3 * NOTES + length, in.getLong(PAGE + 56));
    assertEquals("6.1.0-test", new String(file, 12 + 2 * 65, 10, StandardCharsets.US_ASCII));
    assertEquals("x86_64", new String(file, 12 + 4 * 65, 6, StandardCharsets.US_ASCII));
  }

  @Test
  void theKernelsNoteIsAsGoodAsItsText() {
    ByteBuffer page = ByteBuffer.allocate(PAGE).order(ByteOrder.LITTLE_ENDIAN);
    page.putInt(11).putInt(TEXT.length()).putInt(0);
    page.put("VMCOREINFO\0\0".getBytes(StandardCharsets.US_ASCII));
    page.put(TEXT.getBytes(StandardCharsets.US_ASCII));
    assertEquals("6.1.0-test", Vmcoreinfo.at(page.array(), 0, PAGE).orElseThrow().release());
    page.putInt(4, TEXT.length() + 1);
    assertTrue(Vmcoreinfo.at(page.array(), 0, PAGE).isEmpty());
    page.putInt(4, PAGE);
    assertTrue(Vmcoreinfo.at(page.array(), 0, PAGE).isEmpty());
  }

  @Test
  void theFormatStringAndACopyCutShortAreNoVmcoreinfo() {
    for (String text : List.of("OSRELEASE=%s\n", TEXT.substring(0, 50), "OSRELEASE=6.1\n")) {
      byte[] page = Arrays.copyOf(text.getBytes(StandardCharsets.US_ASCII), PAGE);
      assertTrue(Vmcoreinfo.at(page, 0, PAGE).isEmpty(), text);
    }
    byte[] endless = new byte[PAGE];
    Arrays.fill(endless, (byte) 'x');
    System.arraycopy("OSRELEASE=".getBytes(StandardCharsets.US_ASCII), 0, endless, 0, 10);
    assertTrue(Vmcoreinfo.at(endless, 0, PAGE).isEmpty());
  }
}
