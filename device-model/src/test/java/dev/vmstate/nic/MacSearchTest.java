package dev.vmstate.nic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSections;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class MacSearchTest {
  private static final MacAddress NEW = MacAddress.parse("02:fe:dc:ba:98:81");

  private static DeviceSection card() throws Exception {
    return DeviceSections.of(
        "0000:00:03.0/rtl8139",
        0,
        d ->
            d.array("phys", "uint8", 0x52, 0x54, 0, 0xa1, 0xb2, 0xc3)
                .u32("between", 7)
                .buffer("packet", HexFormat.of().parseHex("ffffffffffff525400a1b2c30806"))
                .array("words", "uint16", 1, 0x5452, 0xa100, 0xc3b2)
                .array("registers", "uint32", 1, 0xa1005452L, 0x8000c3b2L)
                .array("big", "uint32", 0x525400a1L, 0xb2c38808L)
                .buffer("twice", HexFormat.of().parseHex("00525254540000a1a1b2b2c3c3"))
                .buffer("text", "mac=52:54:00:A1:b2:c3;".getBytes())
                .buffer("nearly", HexFormat.of().parseHex("525400a1b2")));
  }

  @Test
  void everyEncodingIsFoundNamedAndChangedAsItStands() throws Exception {
    DeviceSection card = card();
    Nic nic = Nics.of(List.of(card)).get(0);
    EditSet known = new EditSet();
    for (Nic.Copy copy : nic.copies()) {
      known.addAll(copy.set(NEW, "test"));
    }
    Map<String, String> found = new TreeMap<>();
    for (Nic.Copy copy : MacSearch.find(nic, List.of(card), known)) {
      FieldEdit edit = copy.set(NEW, "test").get(0);
      assertEquals(copy.what(), edit.path());
      found.put(edit.path().substring(card.label().length() + 1), edit.after().toString());
    }
    Map<String, String> expected = new TreeMap<>();
    expected.put("packet[0x6]", "02fedcba9881");
    expected.put("words[0x1]", "fe02badc8198");
    expected.put("registers[0x1]", "badcfe0280008198");
    expected.put("big", "02fedcba9881");
    expected.put("twice[0x1]", "0202fefedcdcbaba98988181");
    expected.put("text[0x4]", HexFormat.of().formatHex(NEW.toString().getBytes(), 0, 8));
    assertTrue(found.get("text[0x4]").startsWith(expected.remove("text[0x4]")), found::toString);
    found.remove("text[0x4]");
    expected.put("big[0x0]", expected.remove("big"));
    assertEquals(expected, found);
  }

  @Test
  void aCardWithoutAnAddressIsNotLookedThrough() throws Exception {
    DeviceSection empty =
        DeviceSections.of("0000:00:03.0/rtl8139", 0, d -> d.buffer("phys", new byte[6]));
    Nic nic = Nics.of(List.of(empty)).get(0);
    assertTrue(MacSearch.find(nic, List.of(empty), new EditSet()).isEmpty());
  }
}
