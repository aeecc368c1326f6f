package dev.vmstate.device;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Any text as vmdesc, edited: what comes out lies inside it, or it is refused. */
class VmdescTextFuzzTest {
  static Stream<Arguments> seeds() {
    return DescriptionFuzzTest.seeds();
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "2m")
  void anyTextIsEditedInsideItselfOrRefused(byte[] json) throws IOException {
    byte[] file = ByteBuffer.allocate(4 + json.length).putInt(json.length).put(json).array();
    Span at = new Span(4, json.length);
    try {
      VmDescription read = VmDescriptionJson.read(new ByteArrayInputStream(json), "a", 0);
      for (VmDescription.Device device : read.devices()) {
        VmdescText text = new VmdescText(ByteSource.of("a", file), at);
        text.machineName(9);
        Optional<VmdescText.Device> found = text.device(device.name(), device.instance(), 0);
        if (found.isPresent()) {
          edit(device, found.get(), json);
        }
        for (Splice splice : text.splices()) {
          if (splice.where().end() > file.length) {
            throw new AssertionError(splice);
          }
        }
      }
    } catch (FormatException e) {
      // refused
    }
  }

  private static void edit(VmDescription.Device device, VmdescText.Device text, byte[] bytes)
      throws IOException {
    try {
      Span payload = new Span(0, Math.min(bytes.length, device.body().wireSize()));
      Field.Group root =
          SectionDecoder.decode(ByteSource.of("a", bytes), payload, "a", device.body());
      text.place(List.of(root)).add(0, "{}", 7);
      text.rename("other");
    } catch (ArithmeticException e) {
      // wireSize says so: the sizes of the description overflow
    }
  }
}
