package dev.vmstate.nic;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSections;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.fixtures.DeviceFields;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NicsTest {
  private static final byte[] OLD = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
  private static final MacAddress NEW = MacAddress.parse("02:fe:dc:ba:98:81");

  private static Nic nic(DeviceSection section) throws IOException {
    return Nics.of(List.of(section)).get(0);
  }

  /** Sets every copy and returns the section over the new bytes; only {@code allowed} changed. */
  private static DeviceSection afterSet(DeviceSection section, Set<Long> allowed)
      throws IOException {
    EditSet edits = new EditSet();
    for (Nic.Copy copy : nic(section).copies()) {
      edits.addAll(copy.set(NEW, "test"));
    }
    byte[] before = section.source().bytes(new Span(0, section.source().size()));
    DeviceSection changed =
        DeviceSections.changed(
            section,
            bytes -> {
              for (FieldEdit edit : edits.edits()) {
                byte[] with = edit.after().array();
                System.arraycopy(with, 0, bytes, (int) edit.where().offset(), with.length);
              }
            });
    byte[] after = changed.source().bytes(new Span(0, before.length));
    Set<Long> touched = new TreeSet<>();
    for (int i = 0; i < before.length; i++) {
      if (before[i] != after[i]) {
        touched.add((long) i - DeviceSections.START);
      }
    }
    assertTrue(allowed.containsAll(touched), touched + " but only " + allowed);
    return changed;
  }

  private static Set<Long> places(long... spans) {
    Set<Long> places = new TreeSet<>();
    for (int i = 0; i < spans.length; i += 2) {
      for (long at = spans[i]; at < spans[i] + spans[i + 1]; at++) {
        places.add(at);
      }
    }
    return places;
  }

  private static long[] eeprom(byte[] mac, int first, boolean checksum) {
    long[] words = new long[64];
    int sum = 0;
    for (int i = 0; i < 63; i++) {
      words[i] = i * 0x1357L & 0xffff;
      if (i >= first && i < first + 3) {
        int at = 2 * (i - first);
        words[i] = mac[at] & 0xff | (mac[at + 1] & 0xff) << 8;
      }
      sum += (int) words[i];
    }
    words[63] = checksum ? 0xBABA - sum & 0xffff : 0x4242;
    return words;
  }

  /** What a guest's driver adds up. */
  private static int eepromSum(DeviceSection section, int at) throws IOException {
    ByteBuffer words =
        section.source().read(new Span(DeviceSections.START + at, 128)); // big-endian on the wire
    int sum = 0;
    while (words.hasRemaining()) {
      sum += words.getShort() & 0xffff;
    }
    return sum & 0xffff;
  }

  private static long[] registers(int size, int at) {
    long[] registers = new long[size];
    registers[at] = 0x12005452L;
    registers[at + 1] = 0x8000_5634L;
    return registers;
  }

  @Test
  void e1000HasItInTwoRegisterFilesAndTheEeprom() throws Exception {
    DeviceSection section =
        DeviceSections.of(
            "0000:00:03.0/e1000",
            0,
            d ->
                d.u32("before", 1)
                    .array("mac_reg[0]", "uint32", registers(32, 0))
                    .array("eeprom_data", "uint16", eeprom(OLD, 0, true))
                    .array("mac_reg[1]", "uint32", new long[128])
                    .subsection(
                        "e1000/full_mac_state",
                        1,
                        s -> s.array("mac_reg", "uint32", registers(0x8000, 0x1500))));
    Nic nic = nic(section);
    assertEquals("52:54:00:12:34:56", nic.mac().orElseThrow().toString());
    assertEquals(3, nic.copies().size());
    assertEquals(0xBABA, eepromSum(section, 4 + 128));
    long full = 4 + 128 + 128 + 512 + 1 + 1 + 20 + 4 + 4 * 0x1500;
    DeviceSection after = afterSet(section, places(4, 8, 132, 6, 132 + 126, 2, full, 8));
    assertEquals(Optional.of(NEW), nic(after).mac());
    assertEquals(0xBABA, eepromSum(after, 4 + 128));
    ByteBuffer register = after.source().read(new Span(DeviceSections.START + full, 8));
    assertEquals(0xbadcfe02, register.getInt());
    assertEquals(0x8000_8198, register.getInt()); // address valid stays
  }

  @Test
  void e1000eHasItInRegistersPermanentMacAndEeprom() throws Exception {
    DeviceSection section =
        DeviceSections.of(
            "0000:00:03.0/e1000e",
            0,
            d ->
                d.array("core.mac", "uint32", registers(0x8000, 0x1500))
                    .array("core.eeprom", "uint16", eeprom(OLD, 0, true))
                    .array("core.permanent_mac", "uint8", 0x52, 0x54, 0, 0x12, 0x34, 0x56));
    assertEquals("52:54:00:12:34:56", nic(section).mac().orElseThrow().toString());
    DeviceSection after =
        afterSet(
            section,
            places(4 * 0x1500, 8, 4 * 0x8000, 6, 4 * 0x8000 + 126, 2, 4 * 0x8000 + 128, 6));
    assertEquals(Optional.of(NEW), nic(after).mac());
    assertEquals(0xBABA, eepromSum(after, 4 * 0x8000));
  }

  @Test
  void rtl8139HasItInPhysConfAndAnEepromWithoutChecksum() throws Exception {
    DeviceSection section =
        DeviceSections.of(
            "0000:00:03.0/rtl8139",
            0,
            d ->
                d.array("phys", "uint8", 0x52, 0x54, 0, 0x12, 0x34, 0x56)
                    .buffer("conf.macaddr", OLD)
                    .struct(
                        "eeprom",
                        "eeprom",
                        1,
                        e -> e.array("contents", "uint16", eeprom(OLD, 7, false)))
                    .array("eeprom.contents", "uint16", eeprom(OLD, 7, false)));
    assertEquals(3, nic(section).copies().size());
    DeviceSection after = afterSet(section, places(0, 12, 12 + 128 + 14, 6));
    assertEquals(Optional.of(NEW), nic(after).mac());
  }

  @Test
  void vmxnet3HasItInItsSerialNumberAlone() throws Exception {
    byte[] config = new byte[4096];
    ByteBuffer bytes = ByteBuffer.wrap(config).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(0x100, 0x1401_0001); // advanced error reporting, the next at 0x140
    bytes.putInt(0x140, 0x0001_0003);
    byte[] serial = {(byte) 0xfe, 0x12, 0x34, 0x56, 0x52, 0x54, 0x00, (byte) 0xff};
    System.arraycopy(serial, 0, config, 0x144, 8);
    DeviceSection section =
        DeviceSections.of(
            "0000:00:03.0/vmxnet3",
            0,
            d ->
                d.struct(
                    "parent_obj",
                    "PCIDevice",
                    2,
                    p -> p.i32("version_id", 2).opaque("config", "pci config", config)));
    assertEquals("52:54:00:12:34:56", nic(section).mac().orElseThrow().toString());
    assertEquals(
        "load it with mac=" + NEW,
        nic(section).copies().get(0).set(NEW, "test").get(0).note().split(" on ")[0]);
    DeviceSection after = afterSet(section, places(4 + 0x145, 6));
    assertEquals(Optional.of(NEW), nic(after).mac());
  }

  @Test
  void theSerialNumberOfE1000eAndIgbFollowsTheCommandLine() throws Exception {
    byte[] config = new byte[4096];
    ByteBuffer bytes = ByteBuffer.wrap(config).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(0x100, 0x1401_0001);
    bytes.putInt(0x140, 0x0001_0003);
    bytes.putLong(0x144, 0x5254_00ff_ff12_3456L); // e1000e_gen_dsn
    for (String model : List.of("e1000e", "igb")) {
      DeviceSection section =
          DeviceSections.of(
              "0000:00:03.0/" + model,
              0,
              d -> d.opaque("config", "pci config", config).buffer("core.permanent_mac", OLD));
      Nic nic = nic(section);
      assertEquals(1, nic.copies().size());
      FieldEdit edit = Nics.followsCommandLine(nic).orElseThrow().set(NEW, "test").get(0);
      ByteBuffer after = ByteBuffer.wrap(edit.after().array()).order(ByteOrder.LITTLE_ENDIAN);
      byte[] mac = NEW.bytes();
      long serial = 0;
      for (int i = 0; i < 3; i++) {
        serial |= (mac[i] & 0xffL) << 8 * (7 - i) | (mac[5 - i] & 0xffL) << 8 * i;
      }
      assertEquals(serial | 0xff_ff00_0000L, after.getLong());
      assertEquals(DeviceSections.START + 0x144, edit.where().offset());
      assertEquals(1, Nics.limitsBesidesCommandLine(nic).size());
    }
  }

  /** A capability list that leads to the last bytes of configuration space. */
  @Test
  void vmxnet3WhoseSerialNumberWouldLeaveConfigurationSpaceHasNone() throws Exception {
    byte[] config = new byte[4096];
    ByteBuffer bytes = ByteBuffer.wrap(config).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(0x100, 0xffc0_0001);
    bytes.putInt(0xffc, 0x0001_0003);
    DeviceSection section =
        DeviceSections.of("0000:00:03.0/vmxnet3", 0, d -> d.opaque("config", "pci config", config));
    assertTrue(nic(section).mac().isEmpty());
  }

  /** virtio's own encoding, written from hw/virtio/virtio.c: vmdesc only tells its size. */
  private static byte[] virtio(int configSize, int msixEntries, boolean mmio, byte[] cached)
      throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    if (mmio) {
      out.write(new byte[12]);
    } else {
      byte[] config = new byte[configSize];
      config[0x06] = 0x10;
      config[0x34] = 0x40;
      config[0x40] = 0x09;
      config[0x41] = (byte) (configSize > 256 ? 0x50 : 0);
      config[0x50] = 0x10;
      if (msixEntries > 0) {
        config[configSize > 256 ? 0x51 : 0x41] = 0x60;
        config[0x60] = 0x11;
        config[0x62] = (byte) (msixEntries - 1);
      }
      out.writeInt(2);
      out.write(config);
      out.write(new byte[16]);
      if (msixEntries > 0) {
        out.write(new byte[16 * msixEntries + (msixEntries + 7) / 8 + 2]);
      }
    }
    out.write(new byte[] {7, 1, 0, 0, 0, 0, 0, 0});
    out.writeInt(20);
    out.write(cached);
    out.write(new byte[14]);
    out.writeInt(3);
    out.write(new byte[3 * (4 + (mmio ? 4 : 0) + 8 + 2 + (msixEntries > 0 ? 2 : 0))]);
    out.write(OLD);
    out.write(new byte[] {1, 2, 3});
    return bytes.toByteArray();
  }

  private static DeviceFields oneVirtio(DeviceFields into, byte[] payload) {
    return into.opaque("virtio", "virtio", payload);
  }

  @ParameterizedTest
  @CsvSource({
    "256, 0, false",
    "256, 3, false",
    "256, 65, false",
    "4096, 0, false",
    "4096, 4, false",
    "0, 0, true"
  })
  void virtioNetHasItBehindItsQueuesAndInItsConfig(int size, int msix, boolean mmio)
      throws Exception {
    for (byte[] cached : new byte[][] {new byte[6], OLD}) {
      byte[] payload = virtio(size, msix, mmio, cached);
      DeviceSection section =
          DeviceSections.of(
              mmio ? "virtio-mmio@0/virtio-net" : "0000:00:04.0/virtio-net",
              0,
              d -> oneVirtio(d, payload));
      Nic nic = nic(section);
      assertEquals("52:54:00:12:34:56", nic.mac().orElseThrow().toString());
      boolean known = cached[0] != 0;
      assertEquals(known ? 2 : 1, nic.copies().size());
      int queues = 3 * (4 + (mmio ? 4 : 0) + 8 + 2 + (msix > 0 ? 2 : 0));
      long mac = payload.length - 9L;
      long config = mac - queues - 4 - 20;
      DeviceSection after = afterSet(section, known ? places(config, 6, mac, 6) : places(mac, 6));
      assertEquals(Optional.of(NEW), nic(after).mac());
      assertArrayEquals(NEW.bytes(), after.source().bytes(new Span(DeviceSections.START + mac, 6)));
    }
  }

  @Test
  void virtioNetsTableOfAddressesIsChangedWhereItHasTheCardsOwn() throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    byte[] front = virtio(256, 3, false, new byte[6]);
    bytes.write(front, 0, front.length - 3);
    bytes.write(new byte[] {0, 0, 0, 0, 0, 0, 0, 12, 0, 1, 0, 0}); // tx_waiting … allmulti
    bytes.write(new byte[] {0, 0, 0, 3});
    bytes.write(new byte[] {0x02, 1, 2, 3, 4, 5});
    bytes.write(OLD);
    bytes.write(new byte[] {0x33, 0x33, 0, 0, 0, 1});
    bytes.write(new byte[512]);
    byte[] payload = bytes.toByteArray();
    DeviceSection section =
        DeviceSections.of("0000:00:04.0/virtio-net", 0, d -> oneVirtio(d, payload));
    assertEquals(2, nic(section).copies().size());
    long mac = front.length - 9L;
    DeviceSection after = afterSet(section, places(mac, 6, mac + 6 + 12 + 4 + 6, 6));
    assertEquals(2, nic(after).copies().size());
    for (int cut = front.length; cut < payload.length - 512; cut++) {
      byte[] prefix = java.util.Arrays.copyOf(payload, cut);
      Nic card = nic(DeviceSections.of("0000:00:04.0/virtio-net", 0, d -> oneVirtio(d, prefix)));
      assertEquals("52:54:00:12:34:56", card.mac().orElseThrow().toString());
    }
  }

  @Test
  void virtioNetThatIsCutOrLiesAboutItsCountsHasNoKnownAddress() throws Exception {
    byte[] payload = virtio(256, 3, false, OLD);
    for (int cut = 0; cut < payload.length - 3; cut++) {
      byte[] prefix = java.util.Arrays.copyOf(payload, cut);
      DeviceSection section =
          DeviceSections.of("0000:00:04.0/virtio-net", 0, d -> oneVirtio(d, prefix).u8("end", 1));
      assertTrue(nic(section).mac().isEmpty(), "cut at " + cut);
    }
    int counts = payload.length - 9 - 3 * 16 - 4;
    for (int at : new int[] {counts, counts - 24}) {
      byte[] lying = payload.clone();
      ByteBuffer.wrap(lying).putInt(at, -1);
      DeviceSection section =
          DeviceSections.of("0000:00:04.0/virtio-net", 0, d -> oneVirtio(d, lying));
      assertTrue(nic(section).mac().isEmpty());
    }
  }

  @Test
  void registersOfAnotherWidthAreLeftAlone() throws Exception {
    for (String type : List.of("uint8", "uint16", "uint64")) {
      DeviceSection section =
          DeviceSections.of(
              "0000:00:03.0/e1000",
              0,
              d ->
                  d.array("mac_reg[0]", type, new long[32])
                      .array("eeprom_data", "uint16", new long[63]));
      assertTrue(nic(section).copies().isEmpty());
    }
    DeviceSection mixed =
        DeviceSections.of(
            "0000:00:03.0/e1000",
            0,
            d -> d.u32("mac_reg[0][0]", 1).u8("mac_reg[0][1]", 1).u8("x", 1));
    assertTrue(nic(mixed).copies().isEmpty());
  }

  @Test
  void anOpaqueSectionIsANicWithoutAKnownAddress() throws Exception {
    for (String model : List.of("e1000", "e1000e", "igb", "rtl8139", "vmxnet3", "virtio-net")) {
      Nic nic = nic(DeviceSections.opaque("0000:00:03.0/" + model, new byte[70000]));
      assertEquals(model, nic.model());
      assertTrue(nic.mac().isEmpty() && nic.copies().isEmpty());
    }
    assertTrue(Nics.of(List.of(DeviceSections.opaque("0000:00:03.0/vga", OLD))).isEmpty());
  }

  @Test
  void aNicIsFoundByIdPartOrAddress() throws Exception {
    List<Nic> nics =
        Nics.of(
            List.of(
                DeviceSections.of("0000:00:03.0/rtl8139", 0, d -> d.buffer("phys", OLD)),
                DeviceSections.opaque("0000:00:04.0/e1000", OLD)));
    assertEquals("rtl8139", Nics.find(nics, "52:54:00:12:34:56").model());
    assertEquals("e1000", Nics.find(nics, "04.0").model());
    IOException e = assertThrows(IOException.class, () -> Nics.find(nics, "0000"));
    assertTrue(e.getMessage().startsWith("more than one NIC '0000'"), e.getMessage());
    assertThrows(IOException.class, () -> Nics.find(List.of(), "e1000"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "52:54:00:12:34",
        "52:54:00:12:34:5g",
        "53:54:00:12:34:56",
        "525400123456",
        "52:54:00:12:34:56:78",
        " 52:54:00:12:34:56"
      })
  void whatIsNoAddressOfANicIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> MacAddress.parse(text));
  }
}
