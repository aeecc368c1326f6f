package dev.vmstate.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FieldValueTest {
  private static DeviceSection device;

  @BeforeAll
  static void aDevice() throws IOException {
    device =
        DeviceSections.of(
            "dev",
            0,
            d ->
                d.u32("n", 0x1234)
                    .i32("i", -2)
                    .number("same", "uint8 equal", 5)
                    .array("a", "int16", 1, -2, 3)
                    .buffer("mac", new byte[] {0x52, 0x54, 0, 1, 2, (byte) 0xff})
                    .struct("s", "t", 1, s -> s.u8("x", 1)));
  }

  @ParameterizedTest
  @CsvSource({
    "n, 4660",
    "i, -2",
    "a, 1 -2 3",
    "a[1], -2",
    "mac, 5254000102ff",
    "s/x, 1",
  })
  void textIsWhatTheEditTakesAndGivesTheSameBytes(String path, String text) throws Exception {
    FieldPath target = FieldPath.in(device, path);
    assertEquals(text, FieldValue.text(target));
    FieldEdit edit = FieldValue.edit(target, text, "test");
    assertEquals(edit.before(), edit.after());
    assertEquals(target.span(), edit.where());
  }

  @ParameterizedTest
  @CsvSource({
    "n, 0xffffffff, ffffffff",
    "i, -1, ffffffff",
    "a[1], 0x8000, 8000",
    "a, '1, 2,3', 000100020003",
    "mac, 52:54:00:12:34:56, 525400123456",
    "mac, 0x525400123456, 525400123456",
    "mac, 52 54 00 12 34 56, 525400123456",
  })
  void newValuesBecomeTheFieldsBytes(String path, String text, String hex) throws Exception {
    assertEquals(hex, FieldValue.edit(FieldPath.in(device, path), text, "t").after().toString());
  }

  @ParameterizedTest
  @CsvSource({
    "n, 0x100000000, dev/n: 0x100000000 does not fit uint32 (0 to 4294967295)",
    "a, 1 2, dev/a: 2 values for an array of 3",
    "a, 1 2 70000, dev/a: 70000 does not fit int16 (-32768 to 32767)",
    "mac, 52:54, 'dev/mac: 6 bytes of hex expected, got ''52:54'''",
    "mac, zzzzzzzzzzzz, 'dev/mac: 6 bytes of hex expected, got ''zzzzzzzzzzzz'''",
    "s, 1, dev/s: this is a group of fields: name one of them",
  })
  void whatDoesNotFitIsRefusedWithThePath(String path, String text, String message)
      throws Exception {
    FieldPath target = FieldPath.in(device, path);
    assertEquals(
        message,
        assertThrows(IllegalArgumentException.class, () -> FieldValue.edit(target, text, "test"))
            .getMessage());
  }

  @Test
  void aFieldThatQemuComparesIsEditedWithAWarning() throws Exception {
    FieldEdit edit = FieldValue.edit(FieldPath.in(device, "same"), "6", "test");
    assertTrue(edit.note().contains("load fail"), edit.note());
    assertEquals("", FieldValue.edit(FieldPath.in(device, "n"), "6", "test").note());
  }
}
