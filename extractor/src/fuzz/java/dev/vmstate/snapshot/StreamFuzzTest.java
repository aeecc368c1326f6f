package dev.vmstate.snapshot;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.vmstate.bytes.FormatException;
import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Any bytes as a stream: head, both ends, every record, CPUs, NICs, memory map. */
class StreamFuzzTest {
  static Stream<Arguments> seeds() {
    return Stream.of(
            Streams.devices(Streams.head("pc-i440fx-7.2").end(p -> p.zeros("pc.ram", 0, 8))),
            Streams.everything().withoutFooters().withoutConfiguration(),
            Streams.head("pc-q35-11.1").mappedRam(4096).mappedPage("pc.ram", 1, 1),
            Streams.head("pc").end(p -> p.zero("pc.ram", 0).delta("pc.ram", 0, (byte) 1, (byte) 1, (byte) 9).compressed("pc.ram", 1, new byte[4096])),
            Streams.head("pc-q35-10.0").end(p -> p.zero("pc.ram", 1)).command(11),
            Streams.devices(Streams.head("microvm")).withoutVmdesc())
        .map(stream -> Arguments.of((Object) stream.build()));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "4m")
  void anyBytesAreAStreamOrAFormatError(byte[] bytes) throws IOException {
    try {
      WholeReading.all(bytes);
    } catch (FormatException e) {
      if (!String.valueOf(e.getMessage()).contains("at offset 0x")) {
        throw new AssertionError(e);
      }
    }
  }
}
