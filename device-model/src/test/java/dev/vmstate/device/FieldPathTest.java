package dev.vmstate.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FieldPathTest {
  private static List<DeviceSection> devices;

  @BeforeAll
  static void someDevices() throws IOException {
    devices =
        List.of(
            DeviceSections.of(
                "0000:00:03.0/e1000",
                0,
                d ->
                    d.array("mac_reg[0]", "uint32", 10, 11)
                        .array("mac_reg[1]", "uint32", new long[20])
                        .u32("mac_reg[CTRL]", 3)
                        .struct("tx.props", "props", 1, p -> p.u8("ipcss", 4).u8("cptse", 5))
                        .subsection(
                            "e1000/full_mac_state",
                            1,
                            s -> s.array("mac_reg", "uint32", new long[0x2000]))
                        .subsection("e1000/tso", 1, s -> s.u8("only_here", 1).u8("both", 2))
                        .subsection("e1000/more", 1, s -> s.u8("both", 3))),
            DeviceSections.of("0000:00:03.0/e1000e", 0, d -> d.u8("irr", 1)),
            DeviceSections.of("i8259", 0, d -> d.u8("irr", 1).u8("x", 1)),
            DeviceSections.of("i8259", 1, d -> d.u8("irr", 2)),
            DeviceSections.of(
                "cpu",
                3,
                d ->
                    d.structs("env.segs", "segment", 1, 6, (s, i) -> s.u64("base", i))
                        .structsOneByOne("q", "e", 1, 2, (e, i) -> e.array("v", "uint8", 7, 8, 9))),
            DeviceSections.opaque("slirp", new byte[4]));
  }

  @ParameterizedTest
  @CsvSource({
    "0000:00:03.0/e1000/mac_reg[0], 0000:00:03.0/e1000/mac_reg[0]",
    "0000:00:03.0/e1000/mac_reg[0][1], 0000:00:03.0/e1000/mac_reg[0][1]",
    "0000:00:03.0/e1000/mac_reg[1][0x10], 0000:00:03.0/e1000/mac_reg[1][0x10]",
    "0000:00:03.0/e1000/mac_reg[1][16], 0000:00:03.0/e1000/mac_reg[1][0x10]",
    "0000:00:03.0/e1000/mac_reg[CTRL], 0000:00:03.0/e1000/mac_reg[CTRL]",
    "0000:00:03.0/e1000/tx.props/ipcss, 0000:00:03.0/e1000/tx.props/ipcss",
    "0000:00:03.0/e1000/ipcss, 0000:00:03.0/e1000/tx.props/ipcss",
    "0000:00:03.0/e1000/mac_reg[0x1500], 0000:00:03.0/e1000/e1000/full_mac_state/mac_reg[0x1500]",
    "0000:00:03.0/e1000/e1000/tso/both, 0000:00:03.0/e1000/e1000/tso/both",
    "0000:00:03.0/e1000/only_here, 0000:00:03.0/e1000/e1000/tso/only_here",
    "0000:00:03.0/e1000e/irr, 0000:00:03.0/e1000e/irr",
    "i8259/irr, i8259/irr",
    "i8259[0]/irr, i8259/irr",
    "i8259[1]/irr, i8259[1]/irr",
    "i8259[0x1]/irr, i8259[1]/irr",
    "cpu/env.segs[5]/base, cpu[3]/env.segs[5]/base",
    "cpu[3]/q[1]/v[2], cpu[3]/q[1]/v[2]",
    "slirp/data, slirp/data",
    "i8259[1], i8259[1]",
  })
  void whatPeopleTypeFindsTheFieldAndItsFullPathFindsItAgain(String typed, String full)
      throws Exception {
    FieldPath found = FieldPath.find(devices, typed);
    assertEquals(full, found.path());
    assertEquals(found, FieldPath.find(devices, full));
  }

  @Test
  void anElementHasItsOwnSpanAndType() throws Exception {
    FieldPath element = FieldPath.find(devices, "cpu/q[1]/v[2]");
    assertEquals(1, element.span().length());
    assertEquals("uint8", element.type().orElseThrow().name());
    assertEquals("9", FieldValue.text(element));
    FieldPath array = FieldPath.find(devices, "cpu/q[1]/v");
    assertEquals(3, array.span().length());
    assertTrue(array.type().isEmpty());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cpu/q[1]/v[-1]", // not the whole array
        "cpu/q[1]/v[3]",
        "cpu/q[1]/v[#1]",
        "cpu/q[1]/v[1]x",
        "cpu/q[1]/v[]",
        "cpu/q[1]/v[99999999999999999999]",
        "cpu/q[2]/v",
        "cpu/env.segs/base",
        "cpu//q[1]",
        "cpux",
        "cpu[1]/q[1]",
        "0000:00:03.0/e1000/mac",
        ""
      })
  void whatNamesNothingIsNotFound(String path) {
    assertThrows(
        FieldPath.NotFoundException.class,
        () -> {
          FieldPath found = FieldPath.find(devices, path);
          throw new AssertionError(found.path());
        });
  }

  /** 010 is ten, as people read it, not eight. */
  @Test
  void leadingZerosAreNoOctalNumber() throws Exception {
    assertEquals(
        "0000:00:03.0/e1000/mac_reg[1][0xa]",
        FieldPath.find(devices, "0000:00:03.0/e1000/mac_reg[1][010]").path());
  }

  @Test
  void aPathThatFitsTwoPlacesNamesBoth() {
    FieldPath.NotFoundException e =
        assertThrows(
            FieldPath.NotFoundException.class,
            () -> FieldPath.find(devices, "0000:00:03.0/e1000/both"));
    assertEquals(
        "'0000:00:03.0/e1000/both' fits 2 fields: name one of"
            + " [0000:00:03.0/e1000/e1000/tso/both, 0000:00:03.0/e1000/e1000/more/both]",
        e.getMessage());
  }

  @Test
  void errorsShowWhatThereIs() {
    assertEquals(
        "no field 'i8259/ir': i8259 has 2 fields, for example [irr, x]", message("i8259/ir"));
    assertTrue(
        message("0000:00:04.0/e1000").startsWith("no device '0000:00:04.0/e1000': 'vmstate"));
    assertTrue(message("0000:00:04.0/e1000").contains("[0000:00:03.0/e1000"));
    assertEquals("no field 'slirp/x': nothing describes the bytes of slirp", message("slirp/x"));
  }

  private static String message(String path) {
    return String.valueOf(
        assertThrows(FieldPath.NotFoundException.class, () -> FieldPath.find(devices, path))
            .getMessage());
  }

  @Test
  void sectionsOfOneNameAreToldApartByTheirOrder() throws IOException {
    List<DeviceSection> twins =
        DeviceSection.counted(
            List.of(
                DeviceSections.of("slirp", 0, d -> d.u8("ip_id", 1)),
                DeviceSections.of("other", 0, d -> d.u8("ip_id", 4)),
                DeviceSections.of("slirp", 0, d -> d.u8("ip_id", 2)),
                DeviceSections.of("slirp", 3, d -> d.u8("ip_id", 5)),
                DeviceSections.of("slirp", 3, d -> d.u8("ip_id", 6))));
    assertEquals(
        List.of("slirp", "other", "slirp#2", "slirp[3]", "slirp[3]#2"),
        twins.stream().map(DeviceSection::label).toList());
    for (DeviceSection device : twins) {
      FieldPath found = FieldPath.find(twins, device.label() + "/ip_id");
      assertEquals(device, found.device());
      assertEquals(device.label() + "/ip_id", found.path());
    }
    assertEquals(twins.get(0), FieldPath.find(twins, "slirp#1/ip_id").device());
    for (String none : List.of("slirp#3/ip_id", "slirp#20/ip_id", "slirp[3]#3/ip_id")) {
      assertThrows(FieldPath.NotFoundException.class, () -> FieldPath.find(twins, none));
    }
  }
}
