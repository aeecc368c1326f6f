package dev.vmstate.stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.memory.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The records at a stream's head, and commands. */
class StreamRecordsTest {
  private static MigrationStreamBuilder pc() {
    return new MigrationStreamBuilder("pc-i440fx-7.2")
        .block("pc.ram", 0x20000)
        .block("0000:00:02.0/vga.vram", 0x4000);
  }

  private static RamSetup head(byte[] stream) throws IOException {
    Cursor in = Cursor.of(ByteSource.of("a.mig", stream));
    return RamSetup.decode(in, StreamHeader.decode(in, "a.mig"), "a.mig", 0);
  }

  private static StreamHeader header(byte[] stream) throws IOException {
    return StreamHeader.decode(Cursor.of(ByteSource.of("a.mig", stream)), "a.mig");
  }

  @Test
  void theHeadOfAStreamTellsMachineBlocksAndFooters() throws Exception {
    byte[] stream = pc().build();
    assertEquals("pc-i440fx-7.2", header(stream).machine());
    assertEquals(4096, header(stream).pageSize());
    RamSetup ram = head(stream);
    assertEquals(
        List.of(
            new RamBlock("pc.ram", 0x20000, 4096),
            new RamBlock("0000:00:02.0/vga.vram", 0x4000, 4096)),
        ram.blocks());
    assertTrue(ram.footers());
    assertEquals(MigrationStreamBuilder.RAM_SECTION_ID, ram.header().id());
    assertFalse(head(pc().withoutFooters().build()).footers());
    assertEquals("", header(pc().withoutConfiguration().build()).machine());
  }

  @Test
  void everySubsectionOfTheConfigurationIsRead() throws Exception {
    byte[] uuid = new byte[16];
    uuid[0] = 0x12;
    uuid[15] = (byte) 0xfe;
    byte[] stream = pc().targetPageBits(16).capability("x-ignore-shared").uuid(uuid).build();
    Configuration configuration = header(stream).configuration().orElseThrow();
    assertEquals(OptionalInt.of(16), configuration.pageBits());
    assertEquals(List.of("x-ignore-shared"), configuration.capabilities());
    assertEquals(Optional.of("120000000000000000000000000000fe"), configuration.uuid());
    assertEquals(65536, header(stream).pageSize());
    // x-ignore-shared puts an address behind each block's length
    assertThrows(FormatException.class, () -> head(stream)); // 0x4000 is no multiple of 64 KiB
    assertEquals(2, head(pc().capability("x-ignore-shared").build()).blocks().size());
  }

  @Test
  void aConfigurationNobodyKnowsCannotBePassedOver() {
    FormatException e =
        assertThrows(
            FormatException.class,
            () -> header(pc().configuration("configuration/new", new byte[4]).build()));
    assertTrue(e.getMessage().contains("'configuration/new'"), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0x40, magic",
    "7, 1, stream version 2",
    "9, 0x40, machine type",
  })
  void aHeadThatIsNoneIsRefused(int at, int flipped, String part) {
    byte[] stream = pc().build();
    stream[at] ^= (byte) flipped;
    FormatException e = assertThrows(FormatException.class, () -> head(stream));
    assertTrue(e.getMessage().contains(part), e.getMessage());
    assertTrue(e.getMessage().contains("at offset 0x"), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource({"9", "17", "0", "4294967295"})
  void pageSizesNoTargetHasAreRefused(long bits) {
    byte[] stream = pc().targetPageBits(12).build();
    int at = indexOf(stream, new byte[] {0, 0, 0, 1, 0, 0, 0, 12}) + 4;
    ByteBuffer.wrap(stream).putInt(at, (int) bits);
    assertThrows(FormatException.class, () -> header(stream));
  }

  @Test
  void moreCapabilitiesThanThereAreAreRefused() {
    byte[] stream = pc().capability("x-ignore-shared").build();
    int at = indexOf(stream, new byte[] {0, 0, 0, 1, 0, 0, 0, 1}) + 4;
    ByteBuffer.wrap(stream).putInt(at, -1);
    FormatException e = assertThrows(FormatException.class, () -> header(stream));
    assertTrue(e.getMessage().contains("4294967295 capabilities"), e.getMessage());
  }

  /** Lengths that overflow, are no pages, exceed the total or are more than any machine has. */
  @ParameterizedTest
  @CsvSource({
    "0x7ffffffffffff000",
    "0x8000000000000000",
    "0xfffffffffffff000",
    "0x0",
    "0x20800",
    "0x25000",
  })
  void aBlockLengthThatCannotBeIsRefused(String length) {
    byte[] stream = pc().build();
    int at = indexOf(stream, "pc.ram".getBytes(java.nio.charset.StandardCharsets.US_ASCII)) + 6;
    ByteBuffer.wrap(stream).putLong(at, Long.parseUnsignedLong(length.substring(2), 16));
    FormatException e = assertThrows(FormatException.class, () -> head(stream));
    assertTrue(e.getMessage().contains("RAM block 'pc.ram'"), e.getMessage());
  }

  @Test
  void moreRamThanAnyMachineHasIsRefused() {
    for (long total : new long[] {Long.MIN_VALUE, Long.MAX_VALUE & -4096L, 1L << 47}) {
      byte[] stream = pc().build();
      int at = indexOf(stream, new byte[] {0, 0, 0, 0, 0, 2, 0x40, 4});
      ByteBuffer.wrap(stream).putLong(at, total | 4);
      assertThrows(FormatException.class, () -> head(stream));
    }
  }

  @Test
  void twoBlocksOfOneNameAreRefused() {
    byte[] stream = new MigrationStreamBuilder("pc").block("a", 4096).block("b", 4096).build();
    stream[indexOf(stream, new byte[] {1, 'b'}) + 1] = 'a';
    FormatException e = assertThrows(FormatException.class, () -> head(stream));
    assertTrue(e.getMessage().contains("a second RAM block 'a'"), e.getMessage());
  }

  @Test
  void aFooterMustCloseItsOwnSection() {
    byte[] stream = pc().build();
    int at = indexOf(stream, new byte[] {0x10, 0x7e, 0, 0, 0, 2}) + 5;
    stream[at] = 3;
    FormatException e = assertThrows(FormatException.class, () -> head(stream));
    assertTrue(e.getMessage().contains("footer of section 3"), e.getMessage());
    assertEquals(at - 3, e.offset());
  }

  @Test
  void commandsHaveNamesAndLengths() throws Exception {
    Cursor in =
        Cursor.of(ByteSource.of("a", new byte[] {8, 0, 11, 0, 0, 8, 0, 2, 0, 4, 1, 2, 3, 4}));
    Command switchover = Command.decode(in);
    assertEquals("SWITCHOVER_START", switchover.name());
    assertEquals(5, switchover.span().length());
    assertFalse(switchover.leavesTheStream());
    Command ping = Command.decode(in);
    assertEquals("PING", ping.name());
    assertEquals(0, in.remaining());
    assertFalse(command(3).leavesTheStream()); // dirty bitmaps may follow; RAM is all here
    assertTrue(command(3, new byte[16]).refusal().contains("POSTCOPY_ADVISE: a post-copy stream"));
    for (int number : new int[] {4, 5, 6, 7, 9}) {
      assertTrue(command(number).leavesTheStream());
    }
    assertTrue(command(8).refusal().contains("ENABLE_COLO: a COLO stream"));
    assertEquals("command 77", new Command(77, ping.span()).name());
    assertThrows(
        FormatException.class,
        () -> Command.decode(Cursor.of(ByteSource.of("a", new byte[] {8, 0, 11, -1, -1, 0}))));
  }

  private static Command command(int number, byte... data) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(5 + data.length);
    bytes.put((byte) 8).putShort((short) number).putShort((short) data.length).put(data);
    return Command.decode(Cursor.of(ByteSource.of("a", bytes.array())));
  }

  @Test
  void aSectionsHeaderIsAsLongAsItsNameSays() throws Exception {
    byte[] bytes = {4, 0, 0, 0, 9, 2, 'a', 'b', 0, 0, 0, 1, 0, 0, 0, 3};
    SectionHeader header = SectionHeader.decode(Cursor.of(ByteSource.of("a", bytes)));
    assertEquals("ab", header.idstr());
    assertEquals(1, header.instance());
    assertEquals(3, header.version());
    assertEquals(SectionHeader.size("ab"), header.span().length());
    for (int at : new int[] {0, 5, 6}) {
      byte[] broken = bytes.clone();
      broken[at] = 0;
      assertThrows(
          FormatException.class, () -> SectionHeader.decode(Cursor.of(ByteSource.of("a", broken))));
    }
  }

  @Test
  void noPrefixOfAHeadIsAHead() throws Exception {
    byte[] stream = pc().targetPageBits(12).capability("x-ignore-shared").build();
    int end = (int) head(stream).span().end();
    for (int cut = 0; cut < end; cut++) {
      byte[] prefix = Arrays.copyOf(stream, cut);
      if (cut == end - 5) {
        continue; // a stream without footers could begin so
      }
      FormatException e = assertThrows(FormatException.class, () -> head(prefix));
      assertTrue(e.getMessage().contains("at offset 0x"), e.getMessage());
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
