package dev.vmstate.hardware;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.layout.SavedFields;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What layouts take apart, as hardware.xml: exact, and edited by its parts. */
class RefinedFieldsXmlTest {
  private static HardwareState state(List<DeviceSection> devices) {
    return new HardwareState(
        "qemu", "pc", "x86_64", List.of(), List.of(), List.of(), List.copyOf(devices));
  }

  @ParameterizedTest(name = "QEMU {0}")
  @ValueSource(strings = {"5.2", "7.2", "10.0", "11.1"})
  void comesBackByteForByte(String version) throws Exception {
    List<DeviceSection> devices = new ArrayList<>();
    for (SavedFields saved : SavedFields.of(version)) {
      devices.add(saved.section());
    }
    String document = Documents.write(state(devices));
    List<DevicePayload> payloads = Documents.payloads(document);
    assertEquals(devices.size(), payloads.size());
    for (int i = 0; i < devices.size(); i++) {
      assertArrayEquals(
          devices.get(i).source().bytes(devices.get(i).payload()),
          payloads.get(i).payload().array(),
          devices.get(i).label());
    }
    assertEquals(List.of(), Documents.edits(document, state(devices)));
    Documents.validate(document);
    assertTrue(document.length() < 40_000 * devices.size(), () -> document.length() + " bytes");
  }

  @Test
  void aLittleEndianNumberIsEditedAsOne() throws Exception {
    DeviceSection device = SavedFields.of("10.0").get(0).section();
    HardwareState state = state(List.of(device));
    String document = Documents.write(state);
    String command = "<int name=\"command\" type=\"le16\" value=\"";
    assertTrue(document.contains(command), document);
    String edited = document.replaceFirst(command + "[^\"]*", command + "0x0502");
    List<FieldEdit> edits = Documents.edits(edited, state);
    assertEquals(1, edits.size());
    assertArrayEquals(new byte[] {2, 5}, edits.get(0).after().array());
    assertEquals(2, edits.get(0).where().length());
  }
}
