package dev.vmstate.qcow2;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.fixtures.Qcow2Builder;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Any bytes as an image: header, snapshot table, VM state, refcounts. */
class Qcow2FuzzTest {
  static Stream<Arguments> seeds() {
    Qcow2Builder narrow = new Qcow2Builder(2, 9);
    narrow.snapshot("s", new byte[3000]);
    Qcow2Builder wide = new Qcow2Builder(3, 14).extendedL2();
    wide.snapshot("s", new byte[40_000], i -> Qcow2Builder.Kind.values()[i % 3]);
    return Stream.of(Arguments.of((Object) narrow.build()), Arguments.of((Object) wide.build()));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "4m")
  void anyBytesAreAnImageOrAFormatError(byte[] bytes) throws IOException {
    Path file = Files.createTempFile("vmstate-fuzz-", ".qcow2");
    try {
      BadImageTest.readAll(Files.write(file, bytes), "s");
    } catch (FormatException e) {
      if (!String.valueOf(e.getMessage()).contains("at offset 0x")) {
        throw new AssertionError(e);
      }
    } catch (FileNotFoundException e) {
      if (!String.valueOf(e.getMessage()).contains("has no snapshot")) {
        throw new AssertionError(e);
      }
    } finally {
      Files.delete(file);
    }
  }
}
