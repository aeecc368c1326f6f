package dev.vmstate.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A dump of device classes, as {@code -dump-vmstate} writes it. */
class DeviceClassesTest {
  private static final String DUMP =
      """
      {
        "vmschkmachine": { "Name": "pc-i440fx-10.0" },
        "toy-device": { "Name": "toy-device", "version_id": 2, "minimum_version_id": 1,
          "Description": { "name": "toy", "version_id": 2, "minimum_version_id": 1,
            "Fields": [
              { "field": "a", "version_id": 0, "field_exists": false, "size": 4 },
              { "field": "b", "version_id": 2, "field_exists": false, "num": 3, "size": 2 },
              { "field": "c", "version_id": 0, "field_exists": true, "size": 8 }
            ],
            "Subsections": [
              { "name": "toy/extra", "version_id": 1, "minimum_version_id": 1,
                "Fields": [ { "field": "e", "version_id": 0, "field_exists": false, "size": 1 } ] }
            ] } }
      }
      """;

  private static DeviceClasses read(String json) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    return DeviceClassesJson.read(new ByteArrayInputStream(bytes), "dump");
  }

  private static SectionSchema.Fit fit(int length, long version) throws IOException {
    ByteSource source = ByteSource.of("test", new byte[length]);
    return new ClassSchema(read(DUMP), "dump")
        .fit(
            new SectionSchema.Section(source, new Span(0, length), "0000:00:03.0/toy", 0, version));
  }

  @Test
  void classesAreFoundByWhatASectionIsCalled() throws IOException {
    DeviceClasses classes = read(DUMP);
    assertEquals("pc-i440fx-10.0", classes.machine());
    assertEquals(Optional.of("toy"), classes.descriptionOf("0000:00:03.0/toy"));
    assertEquals(Optional.empty(), classes.descriptionOf("0000:00:03.0/toys"));
    assertEquals(List.of("toy-device"), classes.classesOf("toy"));
    assertTrue(classes.hasSubsection("toy/extra"));
    assertFalse(classes.hasSubsection("toy/other"));
    assertTrue(DeviceClassesJson.is(DUMP));
    assertFalse(DeviceClassesJson.is("QEVM"));
  }

  @Test
  void asASchemaItMustExplainEveryByteInOneWay() throws IOException {
    assertEquals(3, fit(18, 2).struct().orElseThrow().fields().size());
    assertTrue(fit(10, 2).struct().isPresent(), "without the optional field");
    assertTrue(fit(4, 1).struct().isPresent(), "version 1 has no b");
    assertTrue(fit(11, 2).struct().isEmpty());
    assertEquals("version 3 is not described by dump", fit(18, 3).reason());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{",
        "{\"a\": 1}",
        "{\"a\": {\"size\": -1}}",
        "{\"a\": {\"num\": -4}}",
        "{\"a\": {\"size\": 1e300}}",
        "{\"a\": {\"Fields\": {}}}",
        "{\"a\": {\"Name\": 5}}"
      })
  void whatIsNoDumpIsRefusedInOneLine(String json) {
    FormatException refused = assertThrows(FormatException.class, () -> read(json));
    assertTrue(refused.getMessage().startsWith("dump: at offset 0x"), refused::getMessage);
    assertFalse(refused.getMessage().contains("\n"), refused::getMessage);
  }

  @Test
  void depthAndNumberAreBounded() {
    String deep = "{\"a\": " + "{\"Description\": ".repeat(500) + "{}" + "}".repeat(500) + "}";
    assertThrows(FormatException.class, () -> read(deep));
    String many = "{\"a\": {\"Fields\": [" + "{},".repeat(1 << 18) + "{}]}}";
    assertThrows(FormatException.class, () -> read(many));
    String wide = "{\"a\": {\"Name\": \"" + "x".repeat(5000) + "\"}}";
    assertThrows(FormatException.class, () -> read(wide));
  }
}
