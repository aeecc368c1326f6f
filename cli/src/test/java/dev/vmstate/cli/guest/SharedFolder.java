package dev.vmstate.cli.guest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;

/** Folders for what several test classes use; gone when the JVM ends. */
final class SharedFolder {
  private static final Path TOP = make();

  private SharedFolder() {}

  private static Path make() {
    try {
      Path top = Files.createTempDirectory("vmstate-saved-");
      Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(top), "delete-saved"));
      return top;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A new folder, named for people who look at it while the tests run. */
  static Path of(String name) throws IOException {
    return Files.createTempDirectory(TOP, name.replaceAll("[^A-Za-z0-9.]+", "-") + "-");
  }

  /** A folder and what is in it. */
  static void delete(Path folder) {
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
