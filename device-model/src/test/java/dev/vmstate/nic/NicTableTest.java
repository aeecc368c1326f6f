package dev.vmstate.nic;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSections;
import dev.vmstate.device.FieldEdit;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The rows of nics.table on sections built by hand, values as real QEMU 7.2 saved them. */
class NicTableTest {
  private static final String OLD = "525400a1b2c3";
  private static final MacAddress NEW = MacAddress.parse("02:fe:dc:ba:98:81");

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text);
  }

  /** What each field becomes. */
  private static Map<String, String> edits(DeviceSection... sections) throws Exception {
    Nic nic = Nics.of(List.of(sections)).get(0);
    Map<String, String> edits = new TreeMap<>();
    for (Nic.Copy copy : nic.copies()) {
      for (FieldEdit edit : copy.set(NEW, "test")) {
        if (edit.changes()) {
          edits.put(edit.path(), edit.after().toString());
        }
      }
    }
    return edits;
  }

  @Test
  void ne2000HasEveryByteTwiceAndWhatTheGuestWroteWhereItIsTheSame() throws Exception {
    for (boolean same : new boolean[] {false, true}) {
      DeviceSection section =
          DeviceSections.of(
              "ne2000",
              0,
              d ->
                  d.buffer("phys", same ? hex(OLD) : new byte[6])
                      .buffer("mem", hex("525254540000a1a1b2b2c3c3" + "00".repeat(20))));
      Map<String, String> edits = edits(section);
      assertEquals("0202fefedcdcbaba98988181", edits.remove("ne2000/mem[0x0..0xb]"));
      assertEquals(same ? "02fedcba9881" : null, edits.remove("ne2000/phys"));
      assertTrue(edits.isEmpty(), edits::toString);
    }
  }

  @Test
  void pcnetHasItInItsPromUnderASumAndInCsr12() throws Exception {
    long[] csr = new long[128];
    csr[12] = 0x5452;
    csr[13] = 0xa100;
    csr[14] = 0xc3b2;
    DeviceSection section =
        DeviceSections.of(
            "pcnet",
            0,
            d ->
                d.buffer("prom", hex("525400a1b2c30000001100007b035757"))
                    .array("csr", "uint16", csr));
    assertEquals(
        Map.of(
            "pcnet/prom[0x0..0x5]", "02fedcba9881",
            "pcnet/prom[0xc..0xd]", "6e04",
            "pcnet/csr[0xc]", "fe02",
            "pcnet/csr[0xd]", "badc",
            "pcnet/csr[0xe]", "8198"),
        edits(section));
  }

  @Test
  void theEepromOfTheI8255xIsASectionOfItsOwn() throws Exception {
    long[] words = new long[64];
    words[0] = 0x5452;
    words[1] = 0xa100;
    words[2] = 0xc3b2;
    words[63] = 0xc1b5 - 0x4000 - 1;
    words[5] = 0x4000;
    words[6] = 1;
    DeviceSection eeprom =
        DeviceSections.of("0000:00:02.0/eeprom", 0, d -> d.array("contents", "uint16", words));
    DeviceSection other =
        DeviceSections.of("0000:00:03.0/eeprom", 0, d -> d.array("contents", "uint16", words));
    DeviceSection card =
        DeviceSections.of("0000:00:02.0/i82550", 0, d -> d.buffer("conf.macaddr", hex(OLD)));
    Map<String, String> edits = edits(other, eeprom, card);
    assertEquals("02fedcba9881", edits.get("0000:00:02.0/i82550/conf.macaddr"));
    assertEquals("fe02", edits.get("0000:00:02.0/eeprom/contents[0x0]"));
    int sum = 0xfe02 + 0xbadc + 0x8198 + 0x4001;
    assertEquals(
        "%04x".formatted(0xbaba - sum & 0xffff), edits.get("0000:00:02.0/eeprom/contents[0x3f]"));
    assertEquals(5, edits.size(), edits::toString);
    assertEquals(1, edits(card).size());
  }

  @Test
  void bigEndianRegistersAndThoseInReverseKeepTheirOtherHalves() throws Exception {
    long[] regs = new long[0x40];
    regs[57] = 0x525400a1L;
    regs[58] = 0xb2c38808L;
    assertEquals(
        Map.of("imx.fec/regs[0x39]", "02fedcba", "imx.fec/regs[0x3a]", "98818808"),
        edits(DeviceSections.of("imx.fec", 0, d -> d.array("regs", "uint32", regs))));
  }

  @Test
  void aCardWithoutAnAddressIsNamedAndSaysWhereItsAddressComesFrom() throws Exception {
    DeviceSection section = DeviceSections.of("l-lan@71000001/spapr_llan", 0, d -> d.u32("reg", 1));
    Nic nic = Nics.of(List.of(section)).get(0);
    assertEquals("spapr_llan", nic.model());
    assertTrue(nic.mac().isEmpty() && nic.copies().isEmpty());
    assertTrue(nic.limits().get(0).contains("command line"), nic.limits()::toString);
    assertTrue(nic.limits().get(1).contains("device tree"), nic.limits()::toString);
  }

  @Test
  void aPatternReadsAndWritesAndLeavesTheRest() {
    MacPattern pattern = MacPattern.parse("3210,..54");
    byte[] bytes = hex("a1005452" + "8000c3b2");
    assertEquals("52:54:00:a1:b2:c3", pattern.read(bytes).toString());
    assertArrayEquals(hex("badcfe02" + "80008198"), pattern.write(bytes, NEW));
    assertTrue(pattern.matches(bytes, 0, pattern.read(bytes)));
    assertFalse(pattern.matches(bytes, 1, pattern.read(bytes)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "copy a 0 u8 012345",
        "nic a\ncopy a 0 u8 01234\nmac= only",
        "nic a\ncopy a 0 u8 012346\nmac= only",
        "nic a\ncopy a 0 u9 012345\nmac= only",
        "nic a\ncopy a 0 u8 012345 sum=no\nmac= only",
        "nic a\ncopy a 0 u8 012345",
        "nic a\nmac= maybe",
        "nic a\nmac= only\nnic a\nmac= only",
        "nic a\nwhat"
      })
  void aWrongTableIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> NicTable.parse(text));
  }
}
