package dev.vmstate.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.EOFException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Cores written by hand from the ELF document, in the order QEMU lays them out. */
class CoreFileTest {
  private static final int SECTIONS = 64;
  private static final int PROGRAMS = 192;
  private static final int NOTES = PROGRAMS + 3 * 56;
  private static final int MEMORY = NOTES + 28;
  private final ByteBuffer file =
      ByteBuffer.allocate(MEMORY + 0x3000).order(ByteOrder.LITTLE_ENDIAN);

  /** PT_NOTE and two PT_LOADs, e_ehsize 8 and two section headers, as QEMU 7.2 writes them. */
  CoreFileTest() {
    file.putInt(0, 0x464c457f).put(4, (byte) 2).put(5, (byte) 1).put(6, (byte) 1);
    file.putShort(16, (short) 4).putShort(18, (short) 62).putInt(20, 1);
    file.putLong(32, PROGRAMS).putLong(40, SECTIONS);
    file.putShort(52, (short) 8).putShort(54, (short) 56).putShort(56, (short) 3);
    file.putShort(58, (short) 64).putShort(60, (short) 2);
    program(0, 4, NOTES, 0, 28, 28);
    program(1, 1, MEMORY, 0x4000, 0x1000, 0x2000);
    program(2, 1, MEMORY + 0x1000, 0x8000, 0x2000, 0x2000);
    file.putInt(NOTES, 5).putInt(NOTES + 4, 6).putInt(NOTES + 8, 9);
    file.put(NOTES + 12, "TEST".getBytes(StandardCharsets.US_ASCII));
    file.put(NOTES + 20, "abcdef".getBytes(StandardCharsets.US_ASCII));
    file.put(MEMORY, (byte) 0x11).put(MEMORY + 0x1000, (byte) 0x22);
  }

  private void program(int i, int type, long offset, long physical, long inFile, long inMemory) {
    int at = PROGRAMS + 56 * i;
    file.putInt(at, type).putLong(at + 8, offset).putLong(at + 16, physical + 0x7000_0000);
    file.putLong(at + 24, physical).putLong(at + 32, inFile).putLong(at + 40, inMemory);
  }

  private CoreFile open() throws Exception {
    return CoreFile.open(ByteSource.of("a.core", file.array()));
  }

  private FormatException broken() {
    return assertThrows(FormatException.class, this::open);
  }

  @Test
  void qemusOwnLayoutIsRead() throws Exception {
    CoreFile core = open();
    assertEquals(List.of(new CoreNote("TEST", 9, new Span(NOTES + 20, 6))), core.notes("TEST", 9));
    assertEquals(
        new LoadSegment(0x7000_4000, 0x4000, MEMORY, 0x1000, 0x2000, 0), core.loads().get(0));
    ByteBuffer one = ByteBuffer.allocate(1);
    core.readPhysical(0x8000, one);
    assertEquals(0x22, one.get(0));
  }

  @Test
  void memoryThatIsNotInTheFileIsNotReadable() throws Exception {
    CoreFile core = open();
    UnmappedAddressException e =
        assertThrows(
            UnmappedAddressException.class,
            () -> core.readPhysical(0x4ffe, ByteBuffer.allocate(8)));
    assertEquals(0x5000, e.address());
  }

  @Test
  void overlappingSegmentsBecomeOneListWithEveryAddressOnce() throws Exception {
    program(1, 1, MEMORY, 0x4000, 0x2000, 0x2000);
    program(2, 1, MEMORY + 0x1000, 0x5000, 0x2000, 0x2000);
    assertEquals(
        List.of(new PhysicalSegments.Segment(0x4000, MEMORY, 0x3000)), open().physicalSegments());
  }

  @Test
  void aCountOfAllOnesIsTakenFromSectionHeaderZero() throws Exception {
    file.putShort(56, (short) 0xffff).putInt(SECTIONS + 44, 2);
    assertEquals(1, open().loads().size());
  }

  @Test
  void aMillionProgramHeadersAndMoreAreRefused() {
    file.putShort(56, (short) 0xffff).putInt(SECTIONS + 44, -1);
    assertThrows(UnsupportedFormatException.class, this::open);
    file.putInt(SECTIONS + 44, 1 << 20);
    assertTrue(broken().getMessage().contains("table of 1048576"));
  }

  @Test
  void otherElfFilesAreUnsupportedAndOtherFilesWrong() throws Exception {
    file.putShort(18, (short) 3);
    assertEquals(Elf.EM_386, open().requireX86().machine());
    file.putShort(18, (short) 183);
    CoreFile ofAnArm = open();
    UnsupportedFormatException machine =
        assertThrows(UnsupportedFormatException.class, ofAnArm::requireX86);
    assertTrue(machine.getMessage().contains("e_machine 183, expected 62 (x86-64) or 3 (i386)"));
    file.put(5, (byte) 3);
    assertThrows(UnsupportedFormatException.class, this::open);
    file.put(5, (byte) 1).put(4, (byte) 0);
    assertThrows(UnsupportedFormatException.class, this::open);
    file.put(4, (byte) 2).putShort(16, (short) 2);
    UnsupportedFormatException program = assertThrows(UnsupportedFormatException.class, this::open);
    assertTrue(program.getMessage().contains("e_type 2, expected 4 (core)"));
    file.put(0, (byte) 0);
    assertEquals("a.core: ELF header: at offset 0x0: not an ELF file", broken().getMessage());
  }

  @Test
  void segmentsPastTheEndAreReportedWithTheirHeadersOffset() {
    program(2, 1, MEMORY + 0x1000, 0x8000, 0x2001, 0x2001);
    assertEquals(PROGRAMS + 2 * 56, broken().offset());
    program(2, 1, Long.MAX_VALUE, 0x8000, Long.MAX_VALUE, 0);
    assertEquals(PROGRAMS + 2 * 56, broken().offset());
    program(2, 1, -1, 0x8000, 1, 1);
    assertEquals(PROGRAMS + 2 * 56, broken().offset());
    program(2, 1, MEMORY, Long.MAX_VALUE, 0x1000, 0x1000);
    assertEquals(PROGRAMS + 2 * 56, broken().offset());
  }

  @Test
  void aNoteLongerThanItsSegmentIsReported() {
    file.putInt(NOTES + 4, 9);
    assertEquals(NOTES + 20, broken().offset());
    file.putInt(NOTES, -1);
    assertEquals(NOTES + 12, broken().offset());
  }

  @Test
  void headersOutsideTheFileAreReported() {
    file.putLong(32, Long.MIN_VALUE);
    broken();
    file.putLong(32, file.capacity() - 100);
    broken();
    file.putShort(54, (short) 57);
    assertTrue(broken().getMessage().contains("e_phentsize 57"));
  }

  @Test
  void noCutOffFileIsTakenForAWholeOne() {
    byte[] whole = file.array();
    for (int length = 0; length < whole.length; length += length < MEMORY ? 1 : 997) {
      byte[] cut = java.util.Arrays.copyOf(whole, length);
      Exception e =
          assertThrows(Exception.class, () -> CoreFile.open(ByteSource.of("cut.core", cut)));
      assertTrue(e instanceof FormatException || e instanceof EOFException, e.toString());
    }
  }

  @Test
  void aThirtyTwoBitBigEndianCoreIsReadToo() throws Exception {
    ByteBuffer big = ByteBuffer.allocate(0x200).order(ByteOrder.BIG_ENDIAN);
    big.putInt(0, 0x7f454c46).put(4, (byte) 1).put(5, (byte) 2).put(6, (byte) 1);
    big.putShort(16, (short) 4).putShort(18, (short) 20).putInt(20, 1);
    big.putInt(28, 92).putInt(32, 52); // e_phoff, e_shoff
    big.putShort(42, (short) 32).putShort(44, (short) 0xffff);
    big.putInt(52 + 28, 2); // sh_info: two program headers
    big.putInt(92, 4).putInt(96, 0x100).putInt(108, 28);
    big.putInt(124, 1).putInt(128, 0x180).putInt(132, 0xc000_0000).putInt(136, 0x8000_0000);
    big.putInt(140, 0x80).putInt(144, 0x80).putInt(148, 7);
    big.putInt(0x100, 5).putInt(0x104, 6).putInt(0x108, 9);
    big.put(0x10c, "TEST".getBytes(StandardCharsets.US_ASCII)).put(0x180, (byte) 0x33);
    CoreFile core = CoreFile.open(ByteSource.of("ppc.core", big.array()));
    assertEquals(
        List.of(new LoadSegment(0xc000_0000L, 0x8000_0000L, 0x180, 0x80, 0x80, 7)), core.loads());
    assertEquals(List.of(new CoreNote("TEST", 9, new Span(0x114, 6))), core.notes());
    ByteBuffer one = ByteBuffer.allocate(1);
    core.readPhysical(0x8000_0000L, one);
    assertEquals(0x33, one.get(0));
  }

  @Test
  void memoryBeyondFiftyTwoBitsIsRefused() {
    program(2, 1, MEMORY, 1L << 51, 0x1000, 1L << 51);
    file.putLong(PROGRAMS + 56 * 2 + 40, (1L << 51) + 1);
    assertEquals(PROGRAMS + 2 * 56, broken().offset());
    file.putLong(PROGRAMS + 56 * 2 + 40, -1);
    assertEquals(PROGRAMS + 2 * 56, broken().offset());
  }

  @Test
  void notesWithoutEndAreRefused() {
    int headers = 0xfff0;
    ByteBuffer many =
        ByteBuffer.allocate(PROGRAMS + 56 * headers + 24).order(ByteOrder.LITTLE_ENDIAN);
    many.put(0, file.array(), 0, PROGRAMS).putShort(56, (short) headers);
    for (int i = 0; i < headers; i++) {
      int at = PROGRAMS + 56 * i;
      many.putInt(at, 4).putLong(at + 8, many.capacity() - 24).putLong(at + 32, 24);
    }
    FormatException e =
        assertThrows(
            UnsupportedFormatException.class,
            () -> CoreFile.open(ByteSource.of("a.core", many.array())));
    assertTrue(e.getMessage().contains("more than 65536 notes"), e.getMessage());
    file.putInt(NOTES, 257);
    file.putLong(PROGRAMS + 32, 0x1000);
    assertTrue(broken().getMessage().contains("n_namesz 257"));
  }
}
