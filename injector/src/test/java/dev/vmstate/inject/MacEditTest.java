package dev.vmstate.inject;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.fixtures.LibvirtSaveBuilder;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.nic.MacAddress;
import dev.vmstate.nic.Nic;
import dev.vmstate.nic.Nics;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A card's address in its state and in the domain XML of a libvirt save image. */
class MacEditTest {
  private static final String OLD = "52:54:00:12:34:56";
  private static final String NEW = "52:54:00:ab:cd:ef";
  private static final byte[] OLD_BYTES = HexFormat.of().parseHex("525400123456");
  private static final byte[] NEW_BYTES = HexFormat.of().parseHex("525400abcdef");

  /** An interface without an address a path could be made of. */
  private static final String PLAIN = "<interface><mac address='%s'/></interface>";

  private static final String PCI =
      "<interface><mac address='%s'/><alias name='net%d'/><address type='pci' slot='%d'/></interface>";

  @TempDir private Path directory;

  /** rtl8139 at slot 3 with the old address; e1000e at slot 4, whose serial number has it too. */
  private static byte[] stream(byte[] mac, long serial) {
    byte[] config = new byte[4096];
    ByteBuffer.wrap(config)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(0x100, 0x0001_0003)
        .putLong(0x104, serial);
    return new MigrationStreamBuilder("pc-i440fx-7.2")
        .block("pc.ram", 0x10000)
        .device("0000:00:03.0/rtl8139", 5, d -> d.buffer("conf.macaddr", mac))
        .device(
            "0000:00:04.0/e1000e",
            1,
            d -> d.opaque("config", "pci config", config).buffer("core.permanent_mac", mac))
        .build();
  }

  private static byte[] stream() {
    return stream(OLD_BYTES, 0x5254_00ff_ff12_3456L);
  }

  private Path image(String interfaces, byte[] stream) throws IOException {
    return Files.write(directory.resolve("vm.save"), saved(interfaces).build(stream));
  }

  private static LibvirtSaveBuilder saved(String interfaces) {
    return new LibvirtSaveBuilder()
        .dataLength(2048)
        .xml("<domain><devices>%s</devices></domain>".formatted(interfaces))
        .cookie("<cookie/>");
  }

  /** Edits the card of that model into a new file and gives its bytes. */
  private byte[] edited(Path file, String model, List<String> limits) throws IOException {
    Path output = directory.resolve("new.save");
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      Nic nic = Nics.find(Nics.of(snapshot.devices()), model);
      MacEdit edit = new MacEdit(snapshot, nic, MacAddress.parse(NEW));
      limits.addAll(edit.limits());
      try (EditPlan plan = EditPlan.of(snapshot, edit.fields(), edit.saved())) {
        plan.writeTo(output, Progress.NONE);
      }
    }
    return Files.readAllBytes(output);
  }

  @Test
  void theInterfaceIsTheOneAtTheCardsPciAddressWhateverItsOwnAddress() throws Exception {
    String both = PCI.formatted(OLD, 0, 4) + PCI.formatted("52:54:00:00:00:01", 1, 3);
    String after = PCI.formatted(OLD, 0, 4) + PCI.formatted(NEW, 1, 3);
    List<String> limits = new ArrayList<>();
    byte[] image = edited(image(both, stream()), "rtl8139", limits);
    byte[] front = saved(after).build();
    assertArrayEquals(front, Arrays.copyOf(image, front.length));
    assertEquals(1, limits.size(), limits::toString);
    assertTrue(limits.get(0).startsWith("the guest kernel's copy"), limits::toString);
  }

  @Test
  void withoutAPciAddressItIsTheOneWithTheCardsAddress() throws Exception {
    byte[] stream = stream();
    String both =
        PLAIN.formatted("52:54:00:00:00:01") + PLAIN.formatted(OLD.toUpperCase(Locale.ROOT));
    String after = PLAIN.formatted("52:54:00:00:00:01") + PLAIN.formatted(NEW);
    byte[] image = edited(image(both, stream), "rtl8139", new ArrayList<>());
    byte[] front = saved(after).build();
    assertArrayEquals(front, Arrays.copyOf(image, front.length));
  }

  @Test
  void whereNoneOrSeveralFitTheXmlStaysAndTheReportSaysSo() throws Exception {
    for (String interfaces :
        List.of(
            "",
            PLAIN.formatted(OLD).repeat(2),
            PCI.formatted("52:54:00:00:00:01", 0, 9),
            "<interface><address type='pci' slot='3'/></interface>")) {
      List<String> limits = new ArrayList<>();
      byte[] image = edited(image(interfaces, stream()), "rtl8139", limits);
      byte[] front = saved(interfaces).build();
      assertArrayEquals(front, Arrays.copyOf(image, front.length));
      assertTrue(limits.get(0).contains("no <interface> that is this card"), limits::toString);
      assertTrue(limits.get(1).contains("command line"), limits::toString);
    }
  }

  @Test
  void aSerialNumberThatQemuComparesFollowsTheXmlAndOnlyTheXml() throws Exception {
    List<String> limits = new ArrayList<>();
    byte[] image = edited(image(PCI.formatted(OLD, 0, 4), stream()), "e1000e", limits);
    byte[] both = stream(NEW_BYTES, 0x5254_00ff_ffab_cdefL);
    byte[] expected = saved(PCI.formatted(NEW, 0, 4)).build(stream());
    System.arraycopy(
        e1000eOf(both),
        0,
        expected,
        expected.length - e1000eOf(both).length,
        e1000eOf(both).length);
    assertArrayEquals(expected, image);
    assertEquals(1, limits.size(), limits::toString);

    limits.clear();
    image = edited(image("", stream()), "e1000e", limits);
    byte[] without = e1000eOf(stream(NEW_BYTES, 0x5254_00ff_ff12_3456L));
    assertArrayEquals(
        without, Arrays.copyOfRange(image, image.length - without.length, image.length));
    assertTrue(limits.toString().contains("leave mac= as it was"), limits::toString);
  }

  /** From the start of the e1000e's section on. */
  private static byte[] e1000eOf(byte[] stream) {
    int at = new String(stream, ISO_8859_1).indexOf("0000:00:04.0");
    return Arrays.copyOfRange(stream, at, stream.length);
  }

  @Test
  void whatMerelyLooksLikeTheAddressIsListedAndChangedOnDemand() throws Exception {
    byte[] packet = HexFormat.of().parseHex("ffffffffffff525400123456");
    byte[] stream =
        new MigrationStreamBuilder("pc-i440fx-7.2")
            .block("pc.ram", 0x10000)
            .device(
                "0000:00:03.0/rtl8139",
                5,
                d -> d.buffer("conf.macaddr", OLD_BYTES).buffer("packet", packet))
            .build();
    Path file = Files.write(directory.resolve("vm.mig"), stream);
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      Nic nic = Nics.of(snapshot.devices()).get(0);
      MacEdit some = new MacEdit(snapshot, nic, MacAddress.parse(NEW));
      assertEquals(1, some.fields().edits().size());
      assertTrue(some.limits().get(0).startsWith("0000:00:03.0/rtl8139/packet[0x6]: looks"));
      MacEdit all = new MacEdit(snapshot, nic, MacAddress.parse(NEW), true);
      assertEquals(2, all.fields().edits().size());
      assertArrayEquals(NEW_BYTES, all.fields().edits().get(1).after().array());
      MacEdit none = new MacEdit(snapshot, nic, MacAddress.parse(OLD));
      assertEquals(some.limits(), none.limits());
    }
  }

  @Test
  void otherPlacesThatMentionTheAddressAreReported() throws Exception {
    String more = PCI.formatted(OLD, 0, 3) + "<filterref><parameter value='%s'/></filterref>";
    List<String> limits = new ArrayList<>();
    edited(image(more.formatted(OLD), stream()), "rtl8139", limits);
    assertTrue(limits.toString().contains("other places of the domain XML"), limits::toString);
  }

  @Test
  void anXmlThatCannotBeReadStaysAndTheStateIsEdited() throws Exception {
    Path file =
        Files.write(
            directory.resolve("vm.save"), new LibvirtSaveBuilder().xml("<domain").build(stream()));
    List<String> limits = new ArrayList<>();
    byte[] image = edited(file, "rtl8139", limits);
    assertEquals("<domain", new String(image, 92, 7, UTF_8));
    assertTrue(limits.get(0).contains("cannot be read"), limits::toString);
  }

  @Test
  void inPlaceTheXmlChangesUnderTheSameJournal() throws Exception {
    Path file = image(PCI.formatted(OLD, 0, 3), stream());
    byte[] original = Files.readAllBytes(file);
    byte[] expected = edited(file, "rtl8139", new ArrayList<>());
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      Nic nic = Nics.find(Nics.of(snapshot.devices()), "rtl8139");
      MacEdit edit = new MacEdit(snapshot, nic, MacAddress.parse(NEW));
      try (EditPlan plan = EditPlan.of(snapshot, edit.fields(), edit.saved())) {
        InjectionReport report = plan.inPlace();
        assertEquals("domain.xml/interface[net0]/mac", report.metadata().get(0).path());
        assertEquals(3 + 6, report.fileBytes());
      }
    }
    assertArrayEquals(expected, Files.readAllBytes(file));
    InPlace.undo(file);
    assertArrayEquals(original, Files.readAllBytes(file));
  }
}
