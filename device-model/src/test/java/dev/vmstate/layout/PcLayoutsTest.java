package dev.vmstate.layout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSections;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import dev.vmstate.fixtures.DeviceFields;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Buffers of a PC's chips, written out by hand after data sheets and QEMU's sources. */
class PcLayoutsTest {
  private static DeviceSection section(String name, Consumer<DeviceFields> fields)
      throws Exception {
    return DeviceSections.of(name, 0, fields);
  }

  private static String get(DeviceSection section, String path) throws Exception {
    return FieldValue.text(FieldPath.in(section, path));
  }

  private static String named(DeviceSection section, String path) throws Exception {
    FieldPath field = FieldPath.in(section, path);
    return Meanings.of(field).orElseThrow().format(Long.decode(FieldValue.text(field)));
  }

  private static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Test
  void everyByteOfCmosHasANameAtItsOwnPlace() throws Exception {
    byte[] cmos = new byte[128];
    for (int i = 0; i < cmos.length; i++) {
      cmos[i] = (byte) i;
    }
    DeviceSection rtc = section("mc146818rtc", d -> d.buffer("cmos_data", cmos));
    assertEquals("0", get(rtc, "cmos_data/seconds"));
    assertEquals("9", get(rtc, "cmos_data/year"));
    assertEquals("11", get(rtc, "cmos_data/register_b"));
    assertEquals("15", get(rtc, "cmos_data/shutdown"));
    assertEquals("16", get(rtc, "cmos_data/floppy"));
    assertEquals("20", get(rtc, "cmos_data/equipment"));
    assertEquals(Integer.toString(0x1615), get(rtc, "cmos_data/base_memory"));
    assertEquals(Integer.toString(0x1817), get(rtc, "cmos_data/extended_memory"));
    assertEquals("25", get(rtc, "cmos_data/disk0_type"));
    assertEquals(Integer.toString(0x1c1b), get(rtc, "cmos_data/disk0/cylinders"));
    assertEquals("44", get(rtc, "cmos_data/disk1/sectors"));
    assertEquals(Integer.toString(0x2e2f), get(rtc, "cmos_data/checksum"));
    assertEquals(Integer.toString(0x3130), get(rtc, "cmos_data/extended_memory_post"));
    assertEquals("50", get(rtc, "cmos_data/century"));
    assertEquals(Integer.toString(0x3534), get(rtc, "cmos_data/memory_above_16m"));
    assertEquals("56", get(rtc, "cmos_data/boot_1"));
    assertEquals("61", get(rtc, "cmos_data/boot_2"));
    assertEquals("91", get(rtc, "cmos_data/memory_above_4g[0]"));
    assertEquals("95", get(rtc, "cmos_data/smp_cpus"));
    assertEquals("127", get(rtc, "cmos_data[0x7f]"));
    assertEquals("DSE|24_HOURS|SQWE", named(rtc, "cmos_data/register_b"));
    assertEquals(0, rtc.opaqueBytes());
  }

  @Test
  void aDiskSaysItsNameWithCharactersInPairs() throws Exception {
    ByteBuffer b = little(512);
    b.putShort(0, (short) 0x0040).putShort(2, (short) 16383);
    b.position(27 * 2);
    b.put("EQUMH RADDSI K".getBytes(StandardCharsets.US_ASCII));
    b.putInt(60 * 2, 65536).putLong(100 * 2, 131072).putShort(217 * 2, (short) 1);
    b.putShort(88 * 2, (short) 0x203f).putShort(169 * 2, (short) 1);
    DeviceSection ide = section("0000:00:01.1/ide", d -> d.buffer("identify_data", b.array()));
    assertEquals("16383", get(ide, "identify_data/cylinders"));
    assertEquals("65536", get(ide, "identify_data/lba_capacity"));
    assertEquals("131072", get(ide, "identify_data/lba48_capacity"));
    assertEquals("TRIM", named(ide, "identify_data/data_set_management"));
    assertEquals(
        "MODE0|MODE1|MODE2|MODE3|MODE4|MODE5|MODE5_ON", named(ide, "identify_data/ultra_dma"));
    assertEquals("SSD", named(ide, "identify_data/rotation_rate"));
    assertEquals(0, ide.opaqueBytes());
  }

  private static void request(ByteBuffer b, int kind, int op) {
    b.put((byte) kind).put((byte) op).put(new byte[15]).putInt(0x1234).putInt(0);
  }

  private static DeviceSection disk(ByteBuffer b) throws Exception {
    byte[] bytes = Arrays.copyOf(b.array(), b.position());
    return section(
        "0000:00:03.0/0:0:0/scsi-disk", d -> d.opaque("requests", "scsi-requests", bytes));
  }

  @Test
  void requestsHaveWhatTheirCommandNeeds() throws Exception {
    ByteBuffer b = ByteBuffer.allocate(4096);
    request(b, 1, 0x28); // a read to be tried again has no data yet
    b.putLong(77).putInt(8).putInt(0x20000);
    request(b, 1, 0x2a); // a write has
    b.putLong(78).putInt(2).putInt(0x20000).put(new byte[1024]);
    request(b, 2, 0x88); // a read whose data the adapter has not taken
    b.putLong(79).putInt(1).putInt(512).putInt(512).put(new byte[512]);
    request(b, 2, 0x12); // inquiry: nothing
    b.put((byte) 0);
    DeviceSection disk = disk(b);
    assertEquals(0, disk.opaqueBytes());
    assertEquals("77", get(disk, "requests/request[0]/sector"));
    assertEquals("78", get(disk, "requests/request[1]/sector"));
    assertEquals("512", get(disk, "requests/request[2]/length"));
    assertEquals("PENDING", named(disk, "requests/request[3]/kind"));
  }

  @Test
  void requestsOfVirtioNameTheirQueue() throws Exception {
    ByteBuffer b = ByteBuffer.allocate(1 << 17);
    request(b, 1, 0x28);
    b.putInt(3);
    b.order(ByteOrder.LITTLE_ENDIAN).putInt(5).putInt(1).putInt(2).putInt(0);
    b.order(ByteOrder.BIG_ENDIAN).position(b.position() + 6 * 1024 * 8);
    b.putLong(9).putInt(8).putInt(4096).put((byte) 0);
    DeviceSection disk = disk(b);
    assertEquals(0, disk.opaqueBytes());
    assertEquals("3", get(disk, "requests/request[0]/queue"));
    assertEquals("5", get(disk, "requests/request[0]/elem/index"));
    assertEquals("9", get(disk, "requests/request[0]/sector"));
  }

  @Test
  void requestsOfAnUnknownAdapterStayBytes() throws Exception {
    ByteBuffer b = ByteBuffer.allocate(4096);
    request(b, 1, 0x28);
    b.putLong(77).putInt(8).putInt(0x20000).putInt(1).put((byte) 0);
    assertEquals(b.position(), disk(b).opaqueBytes());
  }

  @Test
  void registersOfAHostBridge() throws Exception {
    ByteBuffer b = little(256);
    b.putInt(0, 0x1237_8086).putShort(0x0a, (short) 0x0600);
    b.put(0x57, (byte) 8).put(0x59, (byte) 0x10).put(0x5f, (byte) 0x33).put(0x72, (byte) 0x0a);
    DeviceSection bridge =
        section("0000:00:00.0/I440FX", d -> d.opaque("config", "pci config", b.array()));
    assertEquals("HIGH_READ", named(bridge, "config/PAM0"));
    assertEquals("LOW_READ|LOW_WRITE|HIGH_READ|HIGH_WRITE", named(bridge, "config/PAM6"));
    assertEquals("10", get(bridge, "config/SMRAM"));
    assertEquals(0, bridge.opaqueBytes());
    b.put(0xe0, (byte) 1); // nothing is known there
    DeviceSection odd =
        section("0000:00:00.0/I440FX", d -> d.opaque("config", "pci config", b.array()));
    assertTrue(odd.opaqueBytes() > 0);
  }

  @Test
  void hotPlugSlotsFollowFromTheSize() throws Exception {
    ByteBuffer b = little(0x24 + 2 * 4);
    b.put(0x0c, (byte) 2).putShort(0x24 + 4, (short) 0x0d0f);
    DeviceSection bridge =
        section("0000:00:04.0/pci_bridge", d -> d.opaque("shpc", "shpc", b.array()));
    assertEquals(Integer.toString(0x0d0f), get(bridge, "shpc/SLOT[1]/STATUS"));
    assertTrue(named(bridge, "shpc/SLOT[1]/STATUS").contains("PRSNT=EMPTY"));
    b.put(0x0c, (byte) 3);
    DeviceSection odd =
        section("0000:00:04.0/pci_bridge", d -> d.opaque("shpc", "shpc", b.array()));
    assertEquals(b.capacity(), odd.opaqueBytes());
  }

  @Test
  void registersAndWordsOfCardsAreCalledByName() throws Exception {
    DeviceSection card =
        section(
            "0000:00:03.0/e1000",
            d ->
                d.number("mac_reg[STATUS]", "uint32", 0x80080783L)
                    .array("eeprom_data", "uint16", new long[64]));
    assertTrue(named(card, "mac_reg[STATUS]").startsWith("FD|LU|"));
    assertEquals(
        "checksum", Meanings.of(FieldPath.in(card, "eeprom_data[0x3f]")).orElseThrow().name());
    DeviceSection pic = section("i8259", d -> d.number("imr", "uint8", 0xb8));
    assertEquals("IRQ3|IRQ4|IRQ5|IRQ7", named(pic, "imr"));
    DeviceSection pm = section("0000:00:01.3/piix4_pm", d -> d.number("ar.tmr.timer", "timer", -1));
    assertEquals("OFF", named(pm, "ar.tmr.timer"));
  }

  @Test
  void anyBytesDecodeOrStayBytes() throws Exception {
    long seed = Long.getLong("vmstate.seed", System.nanoTime());
    Random random = new Random(seed);
    String[][] fields = {
      {"slirp", "data", "buffer"},
      {"mc146818rtc", "cmos_data", "buffer"},
      {"0000:00:01.1/ide", "identify_data", "buffer"},
      {"0000:00:03.0/pcnet", "prom", "buffer"},
      {"0000:00:03.0/0:0:0/scsi-disk", "requests", "scsi-requests"},
      {"0000:00:04.0/pci_bridge", "shpc", "shpc"},
      {"0000:00:00.0/mch", "config", "pci config"},
      {"0000:00:1f.0/ICH9LPC", "config", "pci config"},
      {"0000:00:01.3/piix4_pm", "config", "pci config"},
    };
    int[] sizes = {0, 1, 16, 128, 131, 160, 256, 512, 4096};
    for (String[] field : fields) {
      for (int size : sizes) {
        for (int round = 0; round < 8; round++) {
          byte[] bytes = new byte[size];
          random.nextBytes(bytes);
          for (int i = 0; round % 2 == 0 && i < size; i++) {
            bytes[i] &= (byte) (random.nextInt(4) == 0 ? 0x2b : 0); // more of it fits
          }
          DeviceSection section = section(field[0], d -> d.opaque(field[1], field[2], bytes));
          assertEquals(
              size, tiled(section.root()), () -> "seed " + seed + " " + String.join(" ", field));
        }
      }
    }
  }

  /** The bytes of all leaves, which stand one behind the other. */
  private static long tiled(Field.Group group) {
    long at = group.body().offset();
    for (Field child : group.children()) {
      assertEquals(at, child.span().offset(), child.label());
      if (child instanceof Field.Group nested) {
        assertEquals(nested.body().length(), tiled(nested));
      }
      at = child.span().end();
    }
    assertEquals(group.body().end(), at);
    return group.body().length();
  }
}
