package dev.vmstate.linked;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSections;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ChecksumsTest {
  /** What the edits come to, checksums included. */
  private static Map<String, String> edits(DeviceSection device, String... assignments)
      throws Exception {
    EditSet edits = new EditSet();
    for (String assignment : assignments) {
      String[] parts = assignment.split("=");
      edits.add(FieldValue.edit(FieldPath.in(device, parts[0]), parts[1], "test"));
    }
    Checksums.follow(List.of(device), edits, "test");
    Map<String, String> found = new TreeMap<>();
    for (FieldEdit edit : edits.edits()) {
      found.put(edit.path().substring(device.label().length() + 1), edit.after().toString());
    }
    return found;
  }

  private static DeviceSection e1000(long sum) throws Exception {
    long[] words = new long[64];
    words[0] = 0x1000;
    words[63] = sum;
    return DeviceSections.of(
        "0000:00:03.0/e1000",
        0,
        d -> d.u32("other", 1).array("eeprom_data", "uint16", words).u32("behind", 1));
  }

  @Test
  void anEepromThatWasRightStaysRight() throws Exception {
    assertEquals(
        Map.of("eeprom_data[0x5]", "0003", "eeprom_data[0x3f]", "aab7"),
        edits(e1000(0xaaba), "eeprom_data[5]=3"));
    assertEquals(
        Map.of("eeprom_data[0x5]", "0003", "eeprom_data[0x6]", "0004", "eeprom_data[0x3f]", "aab3"),
        edits(e1000(0xaaba), "eeprom_data[5]=3", "eeprom_data[6]=4"));
  }

  @Test
  void oneThatWasWrongOrIsSetOrIsNotTouchedStays() throws Exception {
    assertEquals(Map.of("eeprom_data[0x5]", "0003"), edits(e1000(7), "eeprom_data[5]=3"));
    assertEquals(
        Map.of("eeprom_data[0x5]", "0003", "eeprom_data[0x3f]", "0009"),
        edits(e1000(0xaaba), "eeprom_data[5]=3", "eeprom_data[63]=9"));
    assertEquals(Map.of("behind", "00000002"), edits(e1000(0xaaba), "behind=2"));
  }

  @Test
  void cmosIsMadeRightWhereItCounts() throws Exception {
    byte[] cmos = new byte[128];
    cmos[0x10] = 0x50;
    cmos[0x2d] = (byte) 0xff;
    DeviceSection rtc =
        DeviceSections.of("mc146818rtc", 0, d -> d.array("cmos_data", "uint8", numbers(cmos)));
    assertEquals(
        Map.of("cmos_data[0x14]", "f6", "cmos_data[0x2e..0x2f]", "0245"),
        edits(rtc, "cmos_data[0x14]=0xf6"));
    for (String outside : List.of("cmos_data[0xf]", "cmos_data[0x30]", "cmos_data[0x32]")) {
      assertEquals(1, edits(rtc, outside + "=1").size());
    }
    assertEquals(2, edits(rtc, "cmos_data[0x14]=1", "cmos_data[0x2f]=1").size());
  }

  private static long[] numbers(byte[] bytes) {
    long[] numbers = new long[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      numbers[i] = bytes[i] & 0xff;
    }
    return numbers;
  }
}
