package dev.vmstate.device;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.fixtures.DeviceFields;
import dev.vmstate.layout.Layouts;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Sections for tests: bytes and description from the hand-written builder, read by the decoder. */
public final class DeviceSections {
  /** Where payloads start in their source: not at 0, so that offsets cannot be mixed up. */
  public static final int START = 7;

  private DeviceSections() {}

  /** A section with what its own description makes of it. */
  public static DeviceSection of(String name, long instance, Consumer<DeviceFields> content)
      throws IOException {
    DeviceFields fields = DeviceFields.of(content);
    return decoded(name, instance, fields.bytes(), fields.json(name, 1));
  }

  /** A section of any bytes under any description. */
  public static DeviceSection decoded(String name, long instance, byte[] payload, String body)
      throws IOException {
    ByteSource source = source(payload);
    Span span = new Span(START, payload.length);
    Field.Group described =
        SectionDecoder.decode(source, span, name, description(name, body).body());
    Field.Group root =
        Layouts.builtIn().refine(source, name, described, new SectionDecoder.Budget());
    return new DeviceSection(
        name, instance, 1, span, span, DeviceSection.Decoded.VMDESC, "", root, source);
  }

  /** A section that nothing describes. */
  public static DeviceSection opaque(String name, byte[] payload) {
    Span span = new Span(START, payload.length);
    return new DeviceSection(
        name,
        0,
        1,
        span,
        span,
        DeviceSection.Decoded.OPAQUE,
        "nothing describes it",
        SectionDecoder.opaque(span, name),
        source(payload));
  }

  /** The same section over a copy of its source that {@code change} has worked on. */
  public static DeviceSection changed(DeviceSection section, Consumer<byte[]> change)
      throws IOException {
    byte[] bytes = section.source().bytes(new Span(0, section.source().size()));
    change.accept(bytes);
    return new DeviceSection(
        section.name(),
        section.instance(),
        section.version(),
        section.record(),
        section.payload(),
        section.decoded(),
        section.note(),
        section.root(),
        ByteSource.of("changed", bytes));
  }

  /** A description from a vmsd's JSON object. */
  public static VmDescription.Device description(String name, String body) throws IOException {
    String device = "{\"name\": \"%s\", \"instance_id\": 0, %s".formatted(name, body.substring(1));
    return read("{\"page_size\": 4096, \"devices\": [" + device + "]}").devices().get(0);
  }

  /** A whole vmdesc. */
  public static VmDescription read(String json) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    return VmDescriptionJson.read(new ByteArrayInputStream(bytes), "a.mig", 0x1000);
  }

  /** Why {@code body} does not describe {@code payload}. */
  static String refusal(byte[] payload, String body) throws IOException {
    try {
      decoded("dev", 0, payload, body);
    } catch (FormatException e) {
      return String.valueOf(e.getMessage());
    }
    throw new AssertionError("decoded: " + body);
  }

  private static ByteSource source(byte[] payload) {
    byte[] bytes = new byte[START + payload.length + 5];
    System.arraycopy(payload, 0, bytes, START, payload.length);
    return ByteSource.of("a.mig", bytes);
  }
}
