package dev.vmstate.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.Field;
import dev.vmstate.device.SectionDecoder;
import dev.vmstate.device.VmDescription;
import dev.vmstate.device.VmDescription.Device;
import dev.vmstate.device.VmDescription.Entry;
import dev.vmstate.device.VmDescription.Struct;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Descriptions of one section laid over the bytes of another. */
class StreamSchemaTest {
  private static Entry u32(String name) {
    return new Entry(name, "uint32", 4, 1, false, null);
  }

  private static Entry array(String name, long count, Struct element) {
    return new Entry(name, "struct", element.wireSize(), count, true, element);
  }

  private static Struct struct(String name, List<Entry> fields, Struct... subsections) {
    return new Struct(name, 1, fields, List.of(subsections), false);
  }

  private static StreamSchema schema(Struct... bodies) {
    List<Device> devices = new ArrayList<>();
    List<Long> versions = new ArrayList<>();
    for (Struct body : bodies) {
      devices.add(new Device(body.name(), 0, body));
      versions.add(1L);
    }
    return new StreamSchema("other", new VmDescription(4096, devices), versions);
  }

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text.replace(" ", ""));
  }

  private static byte[] subsection(String name, String body) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write(5);
    bytes.write(name.length());
    bytes.writeBytes(name.getBytes(StandardCharsets.ISO_8859_1));
    bytes.writeBytes(hex("00000001"));
    bytes.writeBytes(hex(body));
    return bytes.toByteArray();
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      bytes.writeBytes(part);
    }
    return bytes.toByteArray();
  }

  private static SectionSchema.Fit fit(SectionSchema schema, String name, byte[] bytes)
      throws IOException {
    ByteSource source = ByteSource.of("test", bytes);
    Span all = new Span(0, bytes.length);
    SectionSchema.Fit fit = schema.fit(new SectionSchema.Section(source, all, name, 0, 1));
    if (fit.struct().isPresent()) { // what fits is taken by the decoder, which checks it again
      Field.Group root = SectionDecoder.decode(source, all, name, fit.struct().get());
      assertEquals(all, root.span());
    }
    return fit;
  }

  @Test
  void theSameShapeFits() throws IOException {
    StreamSchema schema = schema(struct("dev", List.of(u32("a"), u32("b"))));
    assertTrue(fit(schema, "dev", hex("00000001 00000002")).struct().isPresent());
    assertEquals(
        "test: at offset 0x4: the schema accounts for 0x8 of 0xa bytes",
        fit(schema, "dev", hex("00000001 00000002 0000")).reason());
    assertTrue(fit(schema, "dev", hex("00000001 0000")).struct().isEmpty());
    assertEquals("other has no such section", fit(schema, "dev2", hex("00000001")).reason());
  }

  @Test
  void aSubsectionIsKnownByItsFramingAndMayComeOrGo() throws IOException {
    Struct more = struct("dev/more", List.of(u32("c")));
    Struct deep = struct("in/deep", List.of(u32("d")));
    Struct with =
        struct("dev", List.of(u32("a"), array("in", 2, struct("in", List.of(u32("x"))))), more);
    Struct elsewhere =
        struct(
            "far",
            List.of(
                new Entry("in", "struct", 22, 1, false, struct("in", List.of(u32("x")), deep))));
    StreamSchema schema = schema(with, elsewhere);
    byte[] plain = hex("00000001 00000002 00000003");
    assertTrue(fit(schema, "dev", plain).struct().isPresent());
    byte[] more1 = subsection("dev/more", "00000009");
    assertEquals(
        1, fit(schema, "dev", join(plain, more1)).struct().orElseThrow().subsections().size());
    byte[] inside =
        join(hex("00000001 00000002"), subsection("in/deep", "00000007"), hex("00000003"), more1);
    Struct found = fit(schema, "dev", inside).struct().orElseThrow();
    assertEquals(3, found.fields().size(), "elements that differ are entries of their own");
  }

  @Test
  void anUnknownSubsectionAtTheEndStaysBytes() throws IOException {
    StreamSchema schema = schema(struct("dev", List.of(u32("a"))));
    byte[] bytes = join(hex("00000001"), subsection("dev/new", "0102030405"));
    Struct found = fit(schema, "dev", bytes).struct().orElseThrow();
    assertEquals("dev/new", found.subsections().get(0).name());
    assertEquals(5, found.subsections().get(0).fields().get(0).size());
  }

  @Test
  void anArrayIsAsLongAsTheFieldBeforeItSays() throws IOException {
    Struct timer = struct("timer", List.of(u32("t")));
    StreamSchema schema =
        schema(struct("dev", List.of(u32("num_timers"), array("timer", 3, timer))));
    Struct found = fit(schema, "dev", hex("00000002 0000000a 0000000b")).struct().orElseThrow();
    assertEquals(2, found.fields().get(1).count());
    assertTrue(fit(schema, "dev", hex("00000001 0000000a 0000000b")).struct().isEmpty());
  }

  @Test
  void aDiskThatWasIdentifiedHasItsData() throws IOException {
    Struct disk = struct("ide_drive", List.of(u32("identify_set"), u32("x")));
    StreamSchema schema = schema(struct("ide", List.of(array("drive", 2, disk))));
    byte[] data = new byte[512];
    byte[] second = join(hex("00000000 00000005 00000001"), data, hex("00000006"));
    Struct found = fit(schema, "ide", second).struct().orElseThrow();
    Struct last = found.fields().get(1).struct();
    assertEquals("identify_data", last.fields().get(1).name());
    assertEquals(512, last.fields().get(1).size());
    byte[] first = join(hex("00000001"), data, hex("00000005 00000000 00000006"));
    assertTrue(fit(schema, "ide", first).struct().isPresent());
  }

  @Test
  void whatCanBeReadInTwoWaysIsNotBelieved() throws IOException {
    Struct small = struct("part", List.of(u32("x")));
    Struct large = struct("part", List.of(u32("x"), u32("y")));
    Entry a = new Entry("a", "struct", 4, 1, false, small);
    Entry b = new Entry("b", "struct", 4, 1, false, small);
    Entry c = new Entry("c", "struct", 8, 1, false, large);
    StreamSchema schema = schema(struct("dev", List.of(a, b)), struct("other", List.of(c)));
    assertEquals(
        "the schema can be laid over these bytes in more than one way",
        fit(schema, "dev", hex("00000001 00000002 00000003")).reason());
  }

  @Test
  void aFieldAloneTakesTheWholeSection() throws IOException {
    StreamSchema schema =
        schema(struct("net", List.of(new Entry("virtio", "virtio", 100, 1, false, null))));
    Struct found = fit(schema, "net", new byte[57]).struct().orElseThrow();
    assertEquals(57, found.fields().get(0).size());
  }

  @Test
  void aSchemaThatLeavesTooMuchOpenEnds() throws IOException {
    Struct deepest = struct("s", List.of(u32("x")));
    List<Entry> many = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      Struct shape = struct("s", List.of(u32("x"), new Entry("y", "buffer", i, 1, false, null)));
      many.add(new Entry("f" + i, "struct", shape.wireSize(), 1, false, shape));
    }
    many.add(new Entry("huge", "struct", 4, 1L << 40, true, deepest));
    StreamSchema schema = schema(struct("dev", many));
    assertTrue(fit(schema, "dev", new byte[4096]).struct().isEmpty());
  }
}
