package dev.vmstate.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.fixtures.PageItems;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole files, byte for byte, against files written by hand. */
class FormsTest {
  private static final int PAGE = 4096;
  private static final int MIB = 1 << 20;
  private static final String RAM = "pc.ram";
  private static final String VRAM = "vga.vram";

  @TempDir private Path folder;

  private interface Converter {
    void convert(StreamSnapshot snapshot, Path output, Progress progress) throws IOException;
  }

  private byte[] converted(byte[] from, Converter converter) throws IOException {
    Path source = Files.write(folder.resolve("source"), from);
    Path target = folder.resolve("target");
    try (StreamSnapshot snapshot = StreamSnapshot.open(source)) {
      converter.convert(snapshot, target, Progress.NONE);
    }
    return Files.readAllBytes(target);
  }

  private byte[] asStream(byte[] from) throws IOException {
    return converted(from, Conversion::toStream);
  }

  private byte[] asMappedRam(byte[] from) throws IOException {
    return converted(from, Conversion::toMappedRam);
  }

  private static MigrationStreamBuilder machine() {
    return new MigrationStreamBuilder("pc-i440fx-10.0")
        .block(RAM, 130 * PAGE)
        .block(VRAM, 3 * PAGE);
  }

  private static byte[] withDevice(MigrationStreamBuilder builder) {
    return builder
        .device("timer", 2, fields -> fields.i64("ticks", -5).u32("period", 0xdead))
        .build();
  }

  /** A page of every kind; only its last value counts. */
  private static void pages(PageItems items) {
    items.pages(RAM, 0, 3, 10).zero(RAM, 3).zero(VRAM, 0).page(VRAM, 2, 50);
  }

  private static void laterPages(PageItems items) {
    items.page(RAM, 129, 60).zero(RAM, 1).page(RAM, 3, 61).fill(RAM, 64, 0xaa);
  }

  private static byte[] filled(int value) {
    byte[] page = new byte[PAGE];
    Arrays.fill(page, (byte) value);
    return page;
  }

  private static MigrationStreamBuilder samePagesMapped(MigrationStreamBuilder builder) {
    return samePages(builder.mappedRam());
  }

  private static MigrationStreamBuilder samePages(MigrationStreamBuilder builder) {
    return builder
        .mappedPage(RAM, 0, 10)
        .mappedPage(RAM, 2, 12)
        .mappedPage(RAM, 3, 61)
        .mappedPage(RAM, 64, filled(0xaa))
        .mappedPage(RAM, 129, 60)
        .mappedPage(VRAM, 2, 50);
  }

  @Test
  void everyPageOfAStreamGetsItsPlaceAndItsBit() throws Exception {
    byte[] stream = withDevice(machine().part(FormsTest::pages).end(FormsTest::laterPages));
    assertArrayEquals(withDevice(samePagesMapped(machine())), asMappedRam(stream));
  }

  @Test
  void everyPageOfAMappedFileGetsARecordInTheOrderOfBlocks() throws Exception {
    byte[] expected =
        withDevice(
            machine()
                .end(
                    items ->
                        items
                            .page(RAM, 0, 10)
                            .zero(RAM, 1)
                            .page(RAM, 2, 12)
                            .page(RAM, 3, 61)
                            .zeros(RAM, 4, 60)
                            .page(RAM, 64, filled(0xaa))
                            .zeros(RAM, 65, 64)
                            .page(RAM, 129, 60)
                            .zeros(VRAM, 0, 2)
                            .page(VRAM, 2, 50)));
    assertArrayEquals(expected, asStream(withDevice(samePagesMapped(machine()))));
  }

  /** mapped-ram writes offsets of the file, so a stream that stood elsewhere gets others. */
  @Test
  void aMappedFileIsLaidOutAgainForItsNewPlace() throws Exception {
    MigrationStreamBuilder narrow = samePages(machine().mappedRam(PAGE));
    assertArrayEquals(
        asStream(withDevice(samePagesMapped(machine()))), asStream(withDevice(narrow)));
  }

  /** What stands in the place of a page whose bit is clear is nobody's. */
  @Test
  void stalePagesOfAMappedFileAreZeros() throws Exception {
    byte[] stale = withDevice(samePagesMapped(machine()).stalePage(RAM, 1, 999));
    assertArrayEquals(asStream(withDevice(samePagesMapped(machine()))), asStream(stale));
    assertArrayEquals(withDevice(samePagesMapped(machine())), asMappedRam(stale));
  }

  @Test
  void aStreamOfRecordsIsCopiedUpToItsEnd() throws Exception {
    MigrationStreamBuilder builder = machine().part(FormsTest::pages).end(FormsTest::laterPages);
    byte[] stream = withDevice(builder);
    assertArrayEquals(stream, asStream(builder.padding(5000).build()));
  }

  /** QEMU from 9.1 on does not know them. */
  @Test
  void compressedPagesBecomePlainOnes() throws Exception {
    byte[] packed = PageItems.pattern(PAGE, 7);
    byte[] stream =
        withDevice(machine().end(items -> items.zero(RAM, 0).compressed(RAM, 1, packed)));
    byte[] expected = withDevice(machine().end(items -> items.zero(RAM, 0).page(RAM, 1, 7)));
    assertArrayEquals(expected, asStream(stream));
  }

  @Test
  void compressedPagesBecomePlainOnesWithoutConfigurationAndFooters() throws Exception {
    byte[] packed = PageItems.pattern(PAGE, 7);
    byte[] stream =
        withDevice(
            machine()
                .withoutConfiguration()
                .withoutFooters()
                .end(items -> items.compressed(RAM, 1, packed)));
    byte[] expected =
        withDevice(
            machine().withoutConfiguration().withoutFooters().end(items -> items.page(RAM, 1, 7)));
    assertArrayEquals(expected, asStream(stream));
  }

  @Test
  void deltasBecomeTheirPageInAMappedFile() throws Exception {
    byte[] stream =
        withDevice(
            machine()
                .part(items -> items.page(RAM, 5, filled(1)))
                // 3 bytes as they are, 2 others
                .end(items -> items.delta(RAM, 5, (byte) 3, (byte) 2, (byte) 8, (byte) 9)));
    byte[] page = filled(1);
    page[3] = 8;
    page[4] = 9;
    byte[] expected = withDevice(machine().mappedRam().mappedPage(RAM, 5, page));
    assertArrayEquals(expected, asMappedRam(stream));
  }

  /** A command and another live section, before and among the pages, keep their order. */
  @Test
  void otherRecordsAreCarriedOver() throws Exception {
    byte[] chunk = {0x20, 1, 2, 3};
    MigrationStreamBuilder records = machine();
    others(records, chunk);
    byte[] stream = withDevice(records.end(items -> items.page(RAM, 0, 1)));
    MigrationStreamBuilder mapped = machine().mappedRam().mappedPage(RAM, 0, 1);
    others(mapped, chunk);
    byte[] expected = withDevice(mapped);
    assertArrayEquals(expected, asMappedRam(stream));
    MigrationStreamBuilder again = machine();
    others(again, chunk);
    byte[] all =
        withDevice(again.end(items -> items.page(RAM, 0, 1).zeros(RAM, 1, 129).zeros(VRAM, 0, 3)));
    assertArrayEquals(all, asStream(expected));
  }

  private static void others(MigrationStreamBuilder builder, byte[] chunk) {
    builder.command(3).beforeRam();
    int id = builder.liveStart("dirty-bitmap", 1, new byte[] {0x20});
    builder.livePart(id, chunk).liveEnd(id, new byte[] {1}).command(11);
  }

  /** Page size and UUID stay; the capability is last and only there when it is meant. */
  @Test
  void theRestOfTheConfigurationStays() throws Exception {
    byte[] uuid = PageItems.pattern(16, 3);
    byte[] plain = withDevice(machine().targetPageBits(12).uuid(uuid));
    byte[] mapped = withDevice(machine().targetPageBits(12).uuid(uuid).mappedRam());
    assertArrayEquals(mapped, asMappedRam(plain));
    byte[] back = asStream(mapped);
    int head = indexOf(plain, "\3ram");
    assertArrayEquals(Arrays.copyOf(plain, head), Arrays.copyOf(back, head));
  }

  private static int indexOf(byte[] in, String text) {
    return new String(in, StandardCharsets.ISO_8859_1).indexOf(text);
  }

  /**
   * The head of such a file as bytes: the block list, its header, bitmap, and where pages start.
   */
  @Test
  void theHeadOfAMappedFileIsWhatQemuWrites() throws Exception {
    MigrationStreamBuilder builder = new MigrationStreamBuilder("q").block("b", 70 * PAGE);
    byte[] file =
        asMappedRam(withDevice(builder.end(items -> items.page("b", 1, 1).page("b", 66, 2))));
    byte[] head =
        bytes(
            "5145564d 00000003 07 00000001 71",
            "05 1a"
                + hex("configuration/capabilities")
                + "00000001 00000001 0a"
                + hex("mapped-ram"),
            "01 00000002 03" + hex("ram") + "00000000 00000004 0000000000046004",
            "01 62 0000000000046000",
            "00000001 0000000000001000 000000000000007c 0000000000100000",
            "0200000000000000 0400000000000000");
    assertArrayEquals(head, Arrays.copyOf(file, head.length));
    assertArrayEquals(
        PageItems.pattern(PAGE, 2), Arrays.copyOfRange(file, MIB + 66 * PAGE, MIB + 67 * PAGE));
    byte[] behind =
        bytes("0000000000000010 7e00000002", "03 00000002 0000000000000010 7e00000002", "04");
    int at = MIB + 70 * PAGE;
    assertArrayEquals(behind, Arrays.copyOfRange(file, at, at + behind.length));
  }

  private static byte[] bytes(String... hex) {
    return HexFormat.of().parseHex(String.join("", hex).replace(" ", ""));
  }

  private static String hex(String text) {
    return HexFormat.of().formatHex(text.getBytes(StandardCharsets.US_ASCII));
  }

  @Test
  void whatCannotBeSaidIsRefused() {
    byte[] old = withDevice(machine().withoutConfiguration());
    assertRefused(old, Conversion::toMappedRam, "no configuration section");
    byte[] shared = withDevice(machine().capability("x-ignore-shared"));
    assertRefused(shared, Conversion::toMappedRam, "x-ignore-shared");
    byte[] mappedAndShared = withDevice(machine().mappedRam().capability("x-ignore-shared"));
    assertRefused(mappedAndShared, Conversion::toStream, "x-ignore-shared");
  }

  private void assertRefused(byte[] from, Converter converter, String why) {
    var e = assertThrows(UnsupportedFormatException.class, () -> converted(from, converter));
    assertTrue(e.getMessage().contains(why), e.getMessage());
    assertFalse(Files.exists(folder.resolve("target")));
  }

  @Test
  void theSnapshotItselfIsNotOverwritten() throws Exception {
    byte[] stream = withDevice(machine());
    Path source = Files.write(folder.resolve("source"), stream);
    try (StreamSnapshot snapshot = StreamSnapshot.open(source)) {
      assertThrows(IOException.class, () -> Conversion.toStream(snapshot, source, Progress.NONE));
    }
    assertArrayEquals(stream, Files.readAllBytes(source));
  }
}
