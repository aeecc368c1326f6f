package dev.vmstate.diff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldPath;
import dev.vmstate.fixtures.DeviceFields;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotDiffTest {
  private static final String NIC = "0000:00:03.0/e1000";

  @TempDir Path dir;

  private SnapshotDiff diff(MigrationStreamBuilder a, MigrationStreamBuilder b) throws IOException {
    Path first = Files.createTempFile(dir, "a", ".mig");
    Path second = Files.createTempFile(dir, "b", ".mig");
    try (StreamSnapshot left = StreamSnapshot.open(a.writeTo(first));
        StreamSnapshot right = StreamSnapshot.open(b.writeTo(second))) {
      SnapshotDiff diff = SnapshotDiff.between(left, right);
      for (FieldChange change : diff.fields()) {
        if (change.more() == 0 && !change.path().contains("+0x")) {
          assertPathIsFound(left, change);
        }
      }
      return diff;
    }
  }

  private static void assertPathIsFound(StreamSnapshot snapshot, FieldChange change)
      throws IOException {
    List<DeviceSection> devices = snapshot.devices();
    FieldPath found = FieldPath.find(devices, change.path());
    assertEquals(change.path(), found.path());
    assertEquals(change.inA(), found.span());
  }

  private static MigrationStreamBuilder machine(Consumer<DeviceFields> nic) {
    return new MigrationStreamBuilder("pc-i440fx-7.2")
        .block("pc.ram", 0x200000)
        .block("vga.vram", 0x4000)
        .end(pages -> pages.pages("pc.ram", 0, 4, 1).zeros("pc.ram", 4, 508))
        .device(NIC, 0, 2, "e1000", nic)
        .globalState("paused");
  }

  private static MigrationStreamBuilder ram(Consumer<MigrationStreamBuilder> passes) {
    MigrationStreamBuilder builder =
        new MigrationStreamBuilder("pc-i440fx-7.2").block("pc.ram", 0x200000);
    passes.accept(builder);
    return builder.device(
        "cpu",
        0,
        12,
        "cpu",
        cpu ->
            cpu.array("env.regs", "uint64", LongStream.range(0, 16).toArray())
                .u64("env.eip", 0x1000));
  }

  private static List<String> texts(SnapshotDiff diff) {
    return diff.fields().stream().map(FieldChange::toString).toList();
  }

  private static List<String> ranges(SnapshotDiff diff) {
    return diff.pages().stream().flatMap(PageDiff::ranges).map(PageRange::toString).toList();
  }

  @Test
  void identicalSnapshotsDoNotDiffer() throws IOException {
    SnapshotDiff diff = diff(machine(nic -> nic.u32("x", 1)), machine(nic -> nic.u32("x", 1)));
    assertTrue(diff.same(), diff::toString);
  }

  @Test
  void namesTheNumbersThatDiffer() throws IOException {
    SnapshotDiff diff =
        diff(
            machine(
                nic ->
                    nic.u32("rxbuf_size", 2048)
                        .timer("autoneg", -1)
                        .array("few", "uint16", 1, 2, 3)
                        .array("mac_reg", "uint32", new long[64])
                        .struct("tx", "e1000_tx", 1, tx -> tx.u8("ipcss", 1))),
            machine(
                nic ->
                    nic.u32("rxbuf_size", 4096)
                        .timer("autoneg", 5)
                        .array("few", "uint16", 1, 7, 3)
                        .array("mac_reg", "uint32", elementSet(64, 0x21, 0xffffffffL))
                        .struct("tx", "e1000_tx", 1, tx -> tx.u8("ipcss", 2))));
    assertEquals(
        List.of(
            NIC + "/rxbuf_size: 2048 -> 4096",
            NIC + "/autoneg: -1 -> 5",
            NIC + "/few[1]: 2 -> 7",
            NIC + "/mac_reg[0x21]: 0 -> 4294967295",
            NIC + "/tx/ipcss: 1 -> 2"),
        texts(diff));
    assertEquals(List.of(), diff.devices().get(0).structure());
    assertTrue(diff.pages().isEmpty());
  }

  private static long[] elementSet(int count, int at, long value) {
    long[] values = new long[count];
    values[at] = value;
    return values;
  }

  @Test
  void showsBytesAsRangesWithHex() throws IOException {
    byte[] before = new byte[300];
    byte[] after = new byte[300];
    after[0x10] = 1;
    after[0x13] = 2;
    after[0x80] = (byte) 0xff;
    SnapshotDiff diff =
        diff(
            machine(nic -> nic.opaque("config", "pci config", before).buffer("id", new byte[] {1})),
            machine(nic -> nic.opaque("config", "pci config", after).buffer("id", new byte[] {2})));
    assertEquals(
        List.of(
            NIC + "/config+0x10: 00000000 -> 01000002",
            NIC + "/config+0x80: 00 -> ff",
            NIC + "/id: 01 -> 02"),
        texts(diff));
  }

  @Test
  void countsWhatALongFieldHasMore() throws IOException {
    SnapshotDiff diff =
        diff(
            machine(nic -> nic.array("t", "uint32", LongStream.range(0, 500).toArray())),
            machine(nic -> nic.array("t", "uint32", LongStream.range(1, 501).toArray())));
    List<FieldChange> fields = diff.fields();
    assertEquals(DeviceComparison.LISTED + 1, fields.size());
    FieldChange last = fields.get(DeviceComparison.LISTED);
    assertEquals(500 - DeviceComparison.LISTED, last.more());
    assertEquals(4L * (500 - DeviceComparison.LISTED), last.inA().length());
    assertEquals(NIC + "/t: 436 more values differ", last.toString());
  }

  @Test
  void subsectionsOfOneSideShiftNothing() throws IOException {
    SnapshotDiff diff =
        diff(
            machine(
                nic ->
                    nic.u8("a", 1)
                        .subsection("e1000/first", 1, s -> s.u32("x", 1))
                        .subsection("e1000/second", 1, s -> s.u32("y", 1))),
            machine(
                nic ->
                    nic.u8("a", 1)
                        .subsection("e1000/second", 1, s -> s.u32("y", 2))
                        .subsection("e1000/third", 1, s -> s.u8("z", 2))));
    assertEquals(List.of(NIC + "/e1000/second/y: 1 -> 2"), texts(diff));
    assertEquals(
        List.of(
            NIC + "/e1000/first: 21 bytes only in the first",
            NIC + "/e1000/third: 18 bytes only in the second"),
        diff.devices().get(0).structure());
  }

  @Test
  void fieldsOfAnotherKindAreComparedAsBytes() throws IOException {
    SnapshotDiff diff =
        diff(
            machine(nic -> nic.array("x", "uint16", 1, 2)),
            machine(nic -> nic.array("x", "uint8", 0, 1, 0, 3, 4)));
    assertEquals(List.of(NIC + "/x+0x3: 02 -> 03"), texts(diff));
    assertEquals(
        List.of(
            NIC + "/x: another kind of field in the second, compared as bytes",
            NIC + "/x: 4 -> 5 bytes, compared as far as both go"),
        diff.devices().get(0).structure());
  }

  @Test
  void namesDevicesAndBlocksOfOneSide() throws IOException {
    SnapshotDiff diff =
        diff(
            new MigrationStreamBuilder("pc-i440fx-7.2")
                .block("pc.ram", 0x4000)
                .block("gone", 0x2000)
                .device("i8259", 1, 1, "i8259", d -> d.u8("irr", 0)),
            new MigrationStreamBuilder("pc-i440fx-10.0")
                .block("pc.ram", 0x5000)
                .block("new", 0x1000)
                .device("hpet", 1, d -> d.u8("x", 0)));
    assertEquals("pc-i440fx-7.2 -> pc-i440fx-10.0", diff.machine());
    assertEquals(List.of("i8259[1]"), diff.onlyInA());
    assertEquals(List.of("hpet"), diff.onlyInB());
    assertEquals(
        List.of(
            "pc.ram: 0x4000 bytes -> 0x5000 bytes",
            "gone: 0x2000 bytes -> not there",
            "new: not there -> 0x1000 bytes"),
        diff.blocks().stream().map(BlockDiff::toString).toList());
  }

  @Test
  void joinsPagesThatDifferIntoRangesWithTheirAddress() throws IOException {
    SnapshotDiff diff =
        diff(
            ram(s -> s.end(p -> p.pages("pc.ram", 0, 16, 1))),
            ram(
                s ->
                    s.end(
                        p ->
                            p.pages("pc.ram", 0, 3, 1)
                                .pages("pc.ram", 3, 2, 100)
                                .pages("pc.ram", 5, 10, 6)
                                .zero("pc.ram", 15))));
    assertEquals(
        List.of(
            "pc.ram+0x3000, 0x2000 bytes at guest-physical 0x3000",
            "pc.ram+0xf000, 0x1000 bytes at guest-physical 0xf000"),
        ranges(diff));
    assertTrue(diff.pages().get(0).contains(4));
    assertFalse(diff.pages().get(0).contains(5));
    assertEquals(3, diff.pages().get(0).count());
  }

  @Test
  void aRangeEndsWhereTheVgaHoleStarts() throws IOException {
    SnapshotDiff diff =
        diff(
            ram(s -> s.end(p -> p.zeros("pc.ram", 0, 512))),
            ram(s -> s.end(p -> p.pages("pc.ram", 0x9e, 4, 1))));
    assertEquals(
        List.of(
            "pc.ram+0x9e000, 0x2000 bytes at guest-physical 0x9e000",
            "pc.ram+0xa0000, 0x2000 bytes"),
        ranges(diff));
  }

  @Test
  void pagesNeverSentAreZero() throws IOException {
    SnapshotDiff diff =
        diff(
            ram(s -> s.end(p -> p.page("pc.ram", 1, new byte[4096]).zero("pc.ram", 2))),
            ram(s -> s.end(p -> p.zero("pc.ram", 1).page("pc.ram", 3, new byte[4096]))));
    assertTrue(diff.same(), diff::toString);
    SnapshotDiff gone =
        diff(ram(s -> s.end(p -> p.page("pc.ram", 7, 1).fill("pc.ram", 8, 9))), ram(s -> {}));
    assertEquals(List.of("pc.ram+0x7000, 0x2000 bytes at guest-physical 0x7000"), ranges(gone));
  }

  /**
   * A live migration sends a page again when the guest wrote to it, also as zeros after data: only
   * the last record of a page counts, on both sides.
   */
  @Test
  void onlyTheLastRecordOfAPageCounts() throws IOException {
    MigrationStreamBuilder live =
        ram(
            s ->
                s.part(p -> p.pages("pc.ram", 0, 8, 50))
                    .part(p -> p.zero("pc.ram", 5).page("pc.ram", 3, 4).page("pc.ram", 2, 9))
                    .end(p -> p.page("pc.ram", 5, 77).zero("pc.ram", 6).page("pc.ram", 2, 3)));
    MigrationStreamBuilder stopped =
        ram(
            s ->
                s.end(
                    p ->
                        p.pages("pc.ram", 0, 2, 50)
                            .page("pc.ram", 2, 3)
                            .page("pc.ram", 3, 4)
                            .page("pc.ram", 4, 54)
                            .page("pc.ram", 5, 77)
                            .zero("pc.ram", 6)
                            .page("pc.ram", 7, 57)));
    assertTrue(diff(live, stopped).same());
    assertTrue(diff(stopped, live).same());
  }

  /** Far more than a read's window, out of order, so that every way of reading a page is taken. */
  @Test
  void readsScatteredPages() throws IOException {
    Integer[] order = new Integer[500];
    Arrays.setAll(order, i -> i);
    Collections.shuffle(Arrays.asList(order), new Random(7));
    MigrationStreamBuilder inOrder = ram(s -> s.end(p -> p.pages("pc.ram", 0, 500, 1)));
    MigrationStreamBuilder shuffled =
        ram(
            s ->
                s.end(
                    p -> {
                      for (int page : order) {
                        p.page("pc.ram", page, page == 123 ? -1 : page + 1);
                      }
                    }));
    List<String> expected = List.of("pc.ram+0x7b000, 0x1000 bytes at guest-physical 0x7b000");
    assertEquals(expected, ranges(diff(inOrder, shuffled)));
    assertEquals(expected, ranges(diff(shuffled, inOrder)));
  }

  @Test
  void withoutKeepsPagesThatOnlyOneOfTwoDiffsHas() throws IOException {
    MigrationStreamBuilder zeros = ram(s -> {});
    PageDiff both = diff(zeros, ram(s -> s.end(p -> p.pages("pc.ram", 1, 3, 1)))).pages().get(0);
    PageDiff one = diff(zeros, ram(s -> s.end(p -> p.page("pc.ram", 2, 1)))).pages().get(0);
    assertEquals(
        List.of(
            new PageRange("pc.ram", 0x1000, 0x1000, OptionalLong.of(0x1000)),
            new PageRange("pc.ram", 0x3000, 0x1000, OptionalLong.of(0x3000))),
        both.without(one).ranges().toList());
  }
}
