package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Output that is reviewed by eye once and compared from then on. {@code -Dgolden=update} writes the
 * files again; read the diff before committing it.
 */
final class Golden {
  private static final Path FILES =
      Path.of(System.getProperty("vmstate.root", ".."))
          .resolve("cli/src/test/resources/dev/vmstate/cli/golden");

  private Golden() {}

  static void same(String name, String actual) throws IOException {
    Path file = FILES.resolve(name);
    if ("update".equals(System.getProperty("golden"))) {
      Files.createDirectories(FILES);
      Files.writeString(file, actual);
    }
    assertEquals(
        Files.exists(file) ? Files.readString(file) : "", actual, name + " (-Dgolden=update)");
  }
}
