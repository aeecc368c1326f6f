package dev.vmstate.layout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSections;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import dev.vmstate.device.PciConfig;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Configuration space laid out by hand, as an e1000e has it. */
class PciLayoutTest {
  private static byte[] config(int size) {
    ByteBuffer b = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    b.putShort(0, (short) 0x8086).putShort(2, (short) 0x10d3);
    b.putShort(4, (short) 0x0507).putShort(6, (short) 0x0010);
    b.putShort(0x0a, (short) 0x0200);
    b.putInt(0x10, 0xfeb4_0000).putInt(0x18, 0xc001);
    b.put(0x34, (byte) 0xc8).put(0x3c, (byte) 11).put(0x3d, (byte) 1);
    b.put(0x59, (byte) 0x30); // a register of the device's own
    b.putShort(0xc8, (short) 0xa001).putShort(0xca, (short) 0x0002).putShort(0xcc, (short) 0x0103);
    b.putShort(0xa0, (short) 0xe011).putShort(0xa2, (short) 0x8004).putInt(0xa4, 3);
    b.putShort(0xe0, (short) 0xfc10).putShort(0xe2, (short) 0x0001); // version 1, no room for 2
    b.putShort(0xfc, (short) 0x0005); // MSI would reach over 0x100: kept as bytes
    if (size > 256) {
      b.putInt(0x100, 0x1402_0001); // AER, version 2, next 0x140
      b.putInt(0x104, 1 << 20);
      b.putInt(0x140, 0x0001_0003).putLong(0x144, 0x5254_00ff_ff12_3456L);
    }
    return b.array();
  }

  private static DeviceSection section(int size) throws Exception {
    return DeviceSections.of(
        "0000:00:03.0/e1000e",
        0,
        d ->
            d.number("version_id", "int32 le", 2)
                .opaque("config[0]", "pci config", config(size))
                .opaque("irq_state", "pci irq state", new byte[16])
                .opaque("msix", "msix state", msix()));
  }

  private static byte[] msix() {
    byte[] bytes = new byte[5 * 16 + 1];
    bytes[0] = 4;
    bytes[2] = (byte) 0xe0;
    bytes[3] = (byte) 0xfe;
    bytes[12] = 1;
    bytes[80] = 2;
    return bytes;
  }

  private static String get(DeviceSection section, String path) throws Exception {
    return FieldValue.text(FieldPath.in(section, path));
  }

  @ParameterizedTest
  @ValueSource(ints = {256, 4096})
  void headerAndCapabilitiesHaveNames(int size) throws Exception {
    DeviceSection section = section(size);
    assertEquals("32902", get(section, "config/vendor_id"));
    FieldPath command = FieldPath.in(section, "config/command");
    assertEquals(
        "IO|MEMORY|MASTER|SERR|INTX_DISABLE",
        Meanings.of(command).orElseThrow().format(((Field.Scalar) command.field()).value()));
    assertEquals("259", get(section, "config/cap_pm/pm_ctrl"));
    assertEquals("32772", get(section, "config/cap_msix/msix_flags"));
    assertEquals("1", get(section, "config/cap_express/exp_flags"));
    assertTrue(group(section).children().stream().noneMatch(f -> f.name().equals("cap_msi")));
    assertEquals("11", get(section, "config[0x3c]"));
    assertEquals("11", get(section, "config[0][60]"));
    assertEquals(0xfeb4_0000L, PciConfig.of(section).orElseThrow().memoryBar(0));
  }

  @Test
  void extendedCapabilitiesAreThoseOfExpress() throws Exception {
    DeviceSection section = section(4096);
    assertEquals("1048576", get(section, "config/ext_aer/uncor_status"));
    assertEquals(
        "UNSUP",
        Meanings.of(FieldPath.in(section, "config/ext_aer/uncor_status"))
            .orElseThrow()
            .format(1 << 20));
    assertEquals(
        Long.toUnsignedString(0x5254_00ff_ff12_3456L),
        get(section, "config/ext_dsn/serial_number"));
  }

  @Test
  void theNumberOfVectorsFollowsFromTheSize() throws Exception {
    DeviceSection section = section(256);
    assertEquals("4276092932", Long.toString(0xfee0_0004L));
    assertEquals("4276092932", get(section, "msix/msix_table[0]/addr_lo"));
    assertEquals("1", get(section, "msix/msix_table[0]/vector_ctrl"));
    assertEquals("02", get(section, "msix/msix_pba"));
    DeviceSection odd =
        DeviceSections.of("0000:00:03.0/x", 0, d -> d.opaque("msix", "msix state", new byte[18]));
    Field.Raw raw = (Field.Raw) odd.root().children().get(0);
    assertTrue(raw.note().endsWith("no number of vectors gives this size"), raw.note());
    assertEquals(18, odd.opaqueBytes());
  }

  @Test
  void onlyBytesWithoutANameAreOpaque() throws Exception {
    DeviceSection section = section(256);
    // 0x59 lies in a gap of 0x40 to 0xa0; MSI stands in one of 0xf4 to 0x100.
    assertEquals(0x60 + 0x0c, section.opaqueBytes());
  }

  @Test
  void theWholeIsStillSetAsBytesAndAByteByItsOffset() throws Exception {
    DeviceSection section = section(256);
    FieldPath whole = FieldPath.in(section, "config");
    byte[] bytes = section.source().bytes(whole.span());
    assertEquals(256, bytes.length);
    String hex = FieldValue.text(whole);
    assertEquals(List.of(false), List.of(FieldValue.edit(whole, hex, "test").changes()));
    FieldEdit edit = FieldValue.edit(FieldPath.in(section, "config[0x3c]"), "5", "test");
    assertEquals(whole.span().offset() + 0x3c, edit.where().offset());
    assertEquals("[5]", Arrays.toString(edit.after().array()));
    FieldEdit named = FieldValue.edit(FieldPath.in(section, "config/command"), "0x0107", "test");
    assertEquals("[7, 1]", Arrays.toString(named.after().array()));
  }

  private static Field.Group group(DeviceSection section) {
    return (Field.Group) section.root().children().get(1);
  }

  @ParameterizedTest
  @CsvSource({
    "config/command=0x7, false",
    "config/interrupt_line=5, false",
    "config/capability_list=0xa0, true", // the list then starts at another structure
    "config/status=0, true", // there is no list then
    "version_id=2, false"
  })
  void anEditThatMovesWhatFollowsIsWarnedOf(String assignment, boolean warned) throws Exception {
    DeviceSection section = section(256);
    String[] words = assignment.split("=");
    EditSet edits = new EditSet();
    edits.add(FieldValue.edit(FieldPath.in(section, words[0]), words[1], "test"));
    LayoutFit.warn(List.of(section), edits);
    assertEquals(warned, edits.edits().stream().anyMatch(e -> !e.note().isEmpty()), assignment);
  }
}
