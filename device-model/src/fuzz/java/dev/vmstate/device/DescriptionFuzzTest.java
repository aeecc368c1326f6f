package dev.vmstate.device;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Any text as vmdesc, and any description over any bytes. */
class DescriptionFuzzTest {
  static Stream<Arguments> seeds() {
    MigrationStreamBuilder stream =
        new MigrationStreamBuilder("pc-q35-10.0")
            .configurationInVmdesc()
            .device(
                "dev",
                0,
                2,
                "e1000",
                d ->
                    d.u32("rx", 1)
                        .array("mac_reg", "uint32", 1, 2)
                        .structs("tx", "e1000_tx", 1, 2, (t, i) -> t.u8("a", 1))
                        .queue("q", "e", 1, 2, (e, i) -> e.u8("x", i))
                        .subsection("e1000/tso", 1, s -> s.bool("on", true)))
            .oldStyleDevice("slirp", 0, 4, new byte[3]);
    return Stream.of(Arguments.of((Object) stream.vmdescJson().getBytes(StandardCharsets.UTF_8)));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "2m")
  void anyTextIsADescriptionOrAFormatError(byte[] json) throws IOException {
    try {
      VmDescription read = VmDescriptionJson.read(new ByteArrayInputStream(json), "a", 0);
      for (VmDescription.Device device : read.devices()) {
        decode(device, json);
      }
    } catch (FormatException e) {
      located(e);
    }
  }

  /** The text itself serves as payload, cut to the size that the description asks for. */
  private static void decode(VmDescription.Device device, byte[] bytes) throws IOException {
    try {
      long size = Math.min(bytes.length, device.body().wireSize());
      Span payload = new Span(0, size);
      Field.Group root =
          SectionDecoder.decode(ByteSource.of("a", bytes), payload, "a", device.body());
      if (!root.span().equals(payload)) {
        throw new AssertionError(root.span());
      }
    } catch (FormatException e) {
      located(e);
    } catch (ArithmeticException e) {
      // wireSize says so: the sizes of the description overflow
    }
  }

  private static void located(FormatException e) {
    if (!String.valueOf(e.getMessage()).contains("at offset 0x")) {
      throw new AssertionError(e);
    }
  }
}
