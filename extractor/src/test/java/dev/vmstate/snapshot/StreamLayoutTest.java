package dev.vmstate.snapshot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSection.Decoded;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.nic.Nic;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What both ends of a stream tell, and what reading every record tells, must be the same. */
class StreamLayoutTest {
  private static final String VRAM = "0000:00:02.0/vga.vram";

  @TempDir private Path dir;

  private static void sameDevices(List<DeviceSection> a, List<DeviceSection> b) {
    assertEquals(described(a), described(b));
  }

  private static List<String> described(List<DeviceSection> devices) {
    return devices.stream()
        .map(
            d ->
                "%s %s %s %s %s"
                    .formatted(d.label(), d.record(), d.payload(), d.decoded(), d.root()))
        .toList();
  }

  /** Reads both ways; the tail must suffice. */
  private static StreamLayout agree(MigrationStreamBuilder stream) throws IOException {
    byte[] bytes = stream.build();
    StreamLayout tail = new WholeReading(bytes).fromBothEnds().orElseThrow();
    StreamLayout scan = new WholeReading(bytes).scanned();
    assertEquals(StreamLayout.From.BOTH_ENDS, tail.from());
    assertEquals(StreamLayout.From.SCAN, scan.from());
    sameDevices(tail.devices(), scan.devices());
    assertEquals(tail.ramAppendAt(), scan.ramAppendAt());
    assertEquals(0x10, ByteBuffer.wrap(bytes).getLong((int) tail.ramAppendAt()));
    assertEquals(tail.vmdesc(), scan.vmdesc());
    assertEquals(tail.end(), scan.end());
    WholeReading.all(bytes);
    return tail;
  }

  /** The tail does not suffice; the scan does. */
  private static StreamLayout scanOnly(MigrationStreamBuilder stream) throws IOException {
    byte[] bytes = stream.build();
    assertTrue(new WholeReading(bytes).fromBothEnds().isEmpty());
    return WholeReading.all(bytes);
  }

  private static Set<Decoded> kinds(StreamLayout layout) {
    return Set.copyOf(layout.devices().stream().map(DeviceSection::decoded).toList());
  }

  @Test
  void bothWaysFindTheSameDevicesAndTheSamePlaceForMorePages() throws Exception {
    StreamLayout layout = agree(Streams.everything());
    assertEquals(12, layout.devices().size());
    assertEquals(Set.of(Decoded.VMDESC), kinds(layout));
  }

  /** A guest with two user-mode netdevs has two sections slirp 0, of different sizes. */
  @Test
  void sectionsOfOneNameAndInstanceAreTakenInOrder() throws Exception {
    StreamLayout layout = agree(Streams.everything());
    assertEquals(
        List.of(3L, 5L),
        layout.devices().stream()
            .filter(d -> d.name().equals("slirp"))
            .map(d -> d.payload().length())
            .toList());
  }

  @Test
  void streamsWithoutConfigurationFootersOrWithPaddingAgreeToo() throws Exception {
    agree(Streams.everything().withoutConfiguration());
    agree(Streams.everything().withoutFooters());
    agree(Streams.everything().withoutFooters().withoutConfiguration());
    agree(Streams.everything().configurationInVmdesc());
    for (int padding : new int[] {1, 511, 4096, 65535, 65536, 200_000}) {
      MigrationStreamBuilder padded = Streams.everything().padding(padding);
      assertEquals(padded.build().length - padding, agree(padded).end());
    }
    agree(Streams.withRam());
    agree(Streams.head("pc-q35-7.2").end(p -> p.zeros("pc.ram", 0, 8).zeros(VRAM, 0, 2)));
  }

  /** QEMU 10 writes SWITCHOVER_START right before the last ram section. */
  @Test
  void aCommandBeforeTheLastRamSectionIsCarriedThrough() throws Exception {
    MigrationStreamBuilder stream =
        Streams.devices(
            Streams.head("pc-q35-10.0")
                .part(p -> p.page("pc.ram", 0, 1))
                .command(11)
                .end(p -> p.zero("pc.ram", 1)));
    agree(stream);
    assertEquals(
        "SWITCHOVER_START", new WholeReading(stream.build()).scanned().opaque().get(0).what());
  }

  /** virtio-mem's early section stands between the RAM block list and the first pages. */
  @Test
  void earlySectionsBeforeTheFirstPagesAreFound() throws Exception {
    MigrationStreamBuilder stream = Streams.head("pc-q35-10.0");
    // the builder writes an END section before the first device: bring the early one first
    byte[] late =
        Streams.devices(
                stream
                    .device("virtio-mem-device-early", 1, d -> d.u64("addr", 1L << 32))
                    .end(p -> p.page("pc.ram", 3, 7)))
            .build();
    byte[] early = moveFirstRamPartBehindFirstDevice(late);
    StreamLayout tail = new WholeReading(early).fromBothEnds().orElseThrow();
    StreamLayout scan = WholeReading.all(early);
    assertEquals("virtio-mem-device-early", tail.devices().get(0).name());
    assertEquals(
        new WholeReading(early).ram().span().end(), tail.devices().get(0).record().offset());
    sameDevices(tail.devices(), scan.devices());
    assertEquals(tail.ramAppendAt(), scan.ramAppendAt());
  }

  /** QEMU 11 writes it as the first record of all. */
  @Test
  void earlySectionsBeforeTheRamBlockListAreFound() throws Exception {
    for (boolean mapped : new boolean[] {false, true}) {
      MigrationStreamBuilder stream = Streams.head("pc-q35-11.1");
      stream.device("virtio-mem-device-early", 1, d -> d.u64("addr", 1L << 32)).beforeRam();
      if (mapped) {
        stream.mappedRam(4096).mappedPage("pc.ram", 0, 1);
      }
      byte[] bytes =
          Streams.devices(mapped ? stream.part(p -> {}) : stream.end(p -> p.page("pc.ram", 3, 7)))
              .build();
      StreamLayout tail = new WholeReading(bytes).fromBothEnds().orElseThrow();
      StreamLayout scan = WholeReading.all(bytes);
      assertEquals("virtio-mem-device-early", tail.devices().get(0).name());
      sameDevices(tail.devices(), scan.devices());
      assertEquals(tail.ramAppendAt(), scan.ramAppendAt());
    }
  }

  private static byte[] moveFirstRamPartBehindFirstDevice(byte[] stream) throws IOException {
    WholeReading reading = new WholeReading(stream);
    int ramEnd = (int) reading.ram().span().end();
    Span device = reading.scanned().devices().get(0).record();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(stream, 0, ramEnd);
    out.write(stream, (int) device.offset(), (int) device.length());
    out.write(stream, ramEnd, (int) device.offset() - ramEnd);
    out.write(stream, (int) device.end(), stream.length - (int) device.end());
    return out.toByteArray();
  }

  @Test
  void liveSectionsOtherThanRamAreCarriedThrough() throws Exception {
    MigrationStreamBuilder stream = Streams.head("pc-q35-7.2");
    int bitmap = stream.liveStart("dirty-bitmap", 1, new byte[] {1});
    stream.part(p -> p.page("pc.ram", 0, 1)).livePart(bitmap, new byte[] {0x0c, 1, 'a', 1, 'b', 1});
    stream.end(p -> p.zero("pc.ram", 0)).liveEnd(bitmap, new byte[] {1});
    Streams.devices(stream);
    StreamLayout layout = scanOnly(stream);
    assertEquals(3, layout.opaque().size());
    assertEquals(Set.of(Decoded.VMDESC), kinds(layout));
  }

  /** {@code migrate -b}: {@code block} starts before {@code ram}, and the disk holds a snapshot. */
  @Test
  void whatStandsOnADiskIsNotTakenForRecords() throws Exception {
    for (boolean footers : new boolean[] {true, false}) {
      MigrationStreamBuilder stream = Streams.head("pc-i440fx-7.2");
      int block = stream.liveStart("block", 1, eight(2));
      stream.beforeRam();
      byte[] decoy = Streams.withRam().globalState("running").build();
      byte[] disk = Arrays.copyOf(decoy, 1 << 20);
      disk[40] = 0x7e;
      disk[44] = (byte) block;
      disk[45] = 8; // a command may follow a footer
      stream.part(p -> p.page("pc.ram", 0, 1));
      stream.livePart(block, bytes(eight(0x4000 | 1), new byte[] {1, 'd'}, disk, eight(2)));
      stream.end(p -> p.zero("pc.ram", 0));
      stream.liveEnd(block, bytes(eight(100 << 9 | 4), eight(2)));
      Streams.devices(stream);
      StreamLayout layout = scanOnly(footers ? stream : stream.withoutFooters());
      assertEquals(List.of("block", "block", "block"), names(layout));
      assertEquals(12, layout.devices().size());
      assertEquals(Set.of(Decoded.VMDESC), kinds(layout));
    }
  }

  /** Dirty bitmaps come with POSTCOPY_ADVISE before RAM, although nothing is left behind. */
  @Test
  void dirtyBitmapsComeWithACommandBeforeRam() throws Exception {
    MigrationStreamBuilder stream = Streams.head("pc-i440fx-7.2").command(3).beforeRam();
    int bitmap = stream.liveStart("dirty-bitmap", 1, new byte[] {1});
    stream.end(p -> p.page("pc.ram", 0, 1)).liveEnd(bitmap, new byte[] {1});
    StreamLayout layout = scanOnly(Streams.devices(stream));
    assertEquals(List.of("POSTCOPY_ADVISE", "dirty-bitmap", "dirty-bitmap"), names(layout));
  }

  /** A payload in a layout nobody knows yet: the footer still ends it. */
  @Test
  void aLivePayloadOfAnotherLayoutEndsAtItsFooter() throws Exception {
    MigrationStreamBuilder stream = Streams.head("pc-q35-7.2");
    int bitmap = stream.liveStart("dirty-bitmap", 9, new byte[] {0x18, 1, 'a', 0x7e, 0, 0});
    stream.end(p -> p.page("pc.ram", 0, 1)).liveEnd(bitmap, new byte[] {(byte) 0xff});
    assertEquals(List.of("dirty-bitmap", "dirty-bitmap"), names(scanOnly(Streams.devices(stream))));
  }

  private static List<String> names(StreamLayout layout) {
    return layout.opaque().stream().map(StreamLayout.Opaque::what).toList();
  }

  private static byte[] eight(long value) {
    return ByteBuffer.allocate(8).putLong(value).array();
  }

  private static byte[] bytes(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  @Test
  void withoutADescriptionFootersTellWhereSectionsEnd() throws Exception {
    byte[] bytes = Streams.everything().withoutVmdesc().build();
    StreamLayout layout = WholeReading.all(bytes);
    StreamLayout described = WholeReading.all(Streams.everything().build());
    assertEquals(
        described.devices().stream().map(DeviceSection::payload).toList(),
        layout.devices().stream().map(DeviceSection::payload).toList());
    assertEquals(Set.of(Decoded.OPAQUE, Decoded.MODEL), kinds(layout)); // CMOS and PCI are known
    assertEquals(bytes.length, layout.end());
  }

  /** Machine types up to 2.2: the next section's header is what ends a section. */
  @Test
  void withoutBothTheNextSectionTells() throws Exception {
    byte[] bytes = Streams.everything().withoutVmdesc().withoutFooters().build();
    StreamLayout layout = WholeReading.all(bytes);
    StreamLayout described = WholeReading.all(Streams.everything().withoutFooters().build());
    assertEquals(
        described.devices().stream().map(DeviceSection::payload).toList(),
        layout.devices().stream().map(DeviceSection::payload).toList());
    assertEquals(bytes.length, layout.end());
    // 00 ends the file, or something is missing
    byte[] cut = Arrays.copyOf(bytes, bytes.length - 1);
    cut[cut.length - 1] = 9;
    FormatException e = assertThrows(FormatException.class, () -> WholeReading.all(cut));
    assertTrue(e.getMessage().contains("neither a footer nor a description"), e.getMessage());
    MigrationStreamBuilder live = Streams.withRam().withoutVmdesc().withoutFooters();
    live.liveStart("spapr/htab", 1, new byte[4]);
    e = assertThrows(UnsupportedFormatException.class, () -> WholeReading.all(live.build()));
    assertTrue(e.getMessage().contains("live section 'spapr/htab'"), e.getMessage());
  }

  /** What reads like a header but has an id that was there, or a name nobody prints, is none. */
  @Test
  void headersInAPayloadAreSeenThroughWhereTheyCanBe() throws Exception {
    byte[] again = {4, 0, 0, 0, 3, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 1};
    byte[] unprintable = {4, 0, 0, 0, 9, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1};
    byte[] high = {4, 1, 0, 0, 9, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 1};
    byte[] version = {4, 0, 0, 0, 9, 1, 'a', 0, 0, 0, 0, 1, 0, 0, 1};
    for (byte[] decoy : List.of(again, unprintable, high, version)) {
      StreamLayout layout =
          scanOnly(
              Streams.withRam()
                  .undescribed("odd", 0, 1, decoy)
                  .undescribed("even", 0, 1, new byte[3])
                  .withoutVmdesc()
                  .withoutFooters());
      assertEquals(
          List.of(decoy.length, 3),
          layout.devices().stream().map(d -> (int) d.payload().length()).toList());
    }
  }

  /** A device of that description has bytes that read like its footer and a record behind it. */
  @Test
  void footersInAPayloadAreSeenThroughWhereTheyCanBe() throws Exception {
    int id = 3;
    byte[] before = {0x7e, 0, 0, 0, (byte) id, 0x55, 9}; // no record starts with 55
    byte[] name = {0x7e, 0, 0, 0, (byte) id, 4, 0, 0, 0, 9, 2, 1, 2, 3}; // unprintable idstr
    byte[] other = {0x7e, 0, 0, 0, 99, 0, 1, 2}; // another section's
    byte[] part = {0x7e, 0, 0, 0, (byte) id, 2, 0, 0, 0, 77, 0}; // of a section that never began
    byte[] command = {0x7e, 0, 0, 0, (byte) id, 8, 0x41, 0x42, 0, 0};
    for (byte[] decoy : List.of(before, name, other, part, command)) {
      MigrationStreamBuilder stream =
          Streams.withRam().undescribed("odd", 0, 1, decoy).globalState("paused");
      StreamLayout layout = scanOnly(stream);
      assertEquals(decoy.length, layout.devices().get(0).payload().length());
      assertEquals(Decoded.OPAQUE, layout.devices().get(0).decoded());
      assertEquals(Decoded.VMDESC, layout.devices().get(1).decoded());
    }
    // an EOF byte that is not the stream's is seen through, because vmdesc tells where EOF is
    byte[] eof = {0x7e, 0, 0, 0, (byte) id, 0, 7, 7};
    StreamLayout layout =
        scanOnly(Streams.withRam().undescribed("odd", 0, 1, eof).globalState("paused"));
    assertEquals(eof.length, layout.devices().get(0).payload().length());
  }

  @Test
  void aSectionWhoseDescriptionLiesIsKeptOpaqueWithTheReason() throws Exception {
    MigrationStreamBuilder stream =
        Streams.withRam()
            .device("0000:00:03.0/odd", 1, d -> d.misdescribed("x", "struct", 1, new byte[40]))
            .globalState("paused");
    StreamLayout layout = scanOnly(stream);
    DeviceSection odd = layout.devices().get(0);
    assertEquals(Decoded.OPAQUE, odd.decoded());
    assertEquals(40, odd.payload().length());
    assertTrue(odd.note().contains("accounts for 0x1 of 0x28 bytes"), odd.note());
    assertEquals(Decoded.VMDESC, layout.devices().get(1).decoded());
  }

  /** A volume keeps its old contents behind the stream: vmdesc is found behind EOF. */
  @Test
  void aDescriptionWithOldContentsBehindItIsFound() throws Exception {
    byte[] stream = Streams.everything().build();
    StreamLayout expected = WholeReading.all(stream);
    for (int junk : new int[] {0x41, 0x7d, 0xff, 1}) {
      byte[] longer = Arrays.copyOf(stream, stream.length + 1000);
      Arrays.fill(longer, stream.length, longer.length, (byte) junk);
      assertTrue(new WholeReading(longer).fromBothEnds().isEmpty());
      StreamLayout layout = WholeReading.all(longer);
      sameDevices(expected.devices(), layout.devices());
      assertEquals(stream.length, layout.end());
      assertEquals(expected.vmdesc(), layout.vmdesc());
    }
    byte[] bare = Streams.everything().withoutVmdesc().build();
    byte[] longer = Arrays.copyOf(bare, bare.length + 100);
    Arrays.fill(longer, bare.length, longer.length, (byte) 0x41);
    assertEquals(bare.length, WholeReading.all(longer).end());
  }

  @Test
  void moreThanZerosAreNoPadding() throws Exception {
    byte[] cut = Streams.everything().build();
    byte[] shorter = Arrays.copyOf(cut, cut.length - 1);
    FormatException e = assertThrows(FormatException.class, () -> WholeReading.all(shorter));
    assertTrue(e.getMessage().contains("inside the description"), e.getMessage());
  }

  @Test
  void aSecondRamSectionIsRefused() {
    MigrationStreamBuilder stream = Streams.head("pc");
    stream.liveStart("ram", 4, new byte[16]);
    assertThrows(FormatException.class, () -> WholeReading.all(stream.build()));
  }

  @Test
  void postCopyAndColoStreamsAreRefusedByName() {
    for (MigrationStreamBuilder stream :
        List.of(
            Streams.withRam().command(3, new byte[16]),
            Streams.head("pc").command(3, new byte[16]).beforeRam())) {
      FormatException e =
          assertThrows(
              UnsupportedFormatException.class,
              () -> WholeReading.all(Streams.devices(stream).build()));
      assertTrue(e.getMessage().contains("POSTCOPY_ADVISE: a post-copy"), e.getMessage());
    }
    byte[] colo = Streams.devices(Streams.head("pc").command(8).beforeRam()).build();
    FormatException e =
        assertThrows(UnsupportedFormatException.class, () -> WholeReading.all(colo));
    assertTrue(e.getMessage().contains("ENABLE_COLO: a COLO stream"), e.getMessage());
  }

  /** Fewer bytes than pages need: the tail could be found, but something is missing. */
  @Test
  void pagesThatWentElsewhereAreNoticedWithoutBeingAskedFor() throws Exception {
    MigrationStreamBuilder stream =
        new MigrationStreamBuilder("pc-i440fx-7.2")
            .block("pc.ram", 0x8000)
            .block("pc.bios", 0x4000)
            .end(p -> p.zeros("pc.ram", 2, 6));
    try (StreamSnapshot snapshot =
        StreamSnapshot.open(Streams.devices(stream).writeTo(dir.resolve("a.mig")))) {
      FormatException e = assertThrows(UnsupportedFormatException.class, () -> snapshot.devices());
      assertTrue(e.getMessage().contains("a multifd stream"), e.getMessage());
    }
  }

  /** A source that counts what is read of it. */
  private static ByteSource counting(ByteSource source, AtomicLong bytes) {
    return new ByteSource() {
      @Override
      public String name() {
        return source.name();
      }

      @Override
      public long size() {
        return source.size();
      }

      @Override
      public void read(long offset, ByteBuffer into) throws IOException {
        bytes.addAndGet(into.remaining());
        source.read(offset, into);
      }
    };
  }

  @Test
  void theTailIsReadWithoutTheRam() throws Exception {
    MigrationStreamBuilder stream =
        new MigrationStreamBuilder("pc-i440fx-7.2")
            .block("pc.ram", 32 << 20)
            .end(p -> p.pages("pc.ram", 0, 8192, 1));
    byte[] bytes = Streams.devices(stream).build();
    AtomicLong read = new AtomicLong();
    WholeReading reading = new WholeReading(counting(ByteSource.of("a", bytes), read));
    assertEquals(12, reading.fromBothEnds().orElseThrow().devices().size());
    assertTrue(read.get() < 1 << 20, read + " bytes");
  }

  /** 5 GiB of which only both ends are there: reading records would stop at the hole's zeros. */
  @Test
  void devicesOfAHugeFileAreFoundWithoutReadingItsRam() throws Exception {
    byte[] stream =
        Streams.devices(
                new MigrationStreamBuilder("pc-i440fx-7.2")
                    .block("pc.ram", 5L << 30)
                    .end(p -> p.page("pc.ram", 0, 1)))
            .build();
    int head = (int) new WholeReading(stream).ram().span().end();
    int appendAt = (int) WholeReading.all(stream).ramAppendAt();
    long shift = 5L << 30;
    Path file = dir.resolve("huge.mig");
    try (FileChannel out =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.SPARSE,
            StandardOpenOption.WRITE)) {
      out.write(ByteBuffer.wrap(stream, 0, head), 0);
      out.write(ByteBuffer.wrap(stream, appendAt, stream.length - appendAt), shift + appendAt);
    }
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      assertEquals(StreamLayout.From.BOTH_ENDS, snapshot.layout().from());
      assertEquals(shift + appendAt, snapshot.layout().ramAppendAt());
      Nic nic = snapshot.hardware().nics().get(0);
      assertEquals("52:54:00:12:34:56", nic.mac().orElseThrow().toString());
      assertTrue(nic.section().payload().offset() > shift);
      assertEquals("x86_64", snapshot.arch());
      assertTrue(snapshot.description().isPresent());
      FormatException e = assertThrows(FormatException.class, snapshot::index);
      assertTrue(e.getMessage().contains("without any part of the ram"), e.getMessage());
    }
  }
}
