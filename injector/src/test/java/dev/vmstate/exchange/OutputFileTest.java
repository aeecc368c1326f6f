package dev.vmstate.exchange;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputFileTest {
  @TempDir Path directory;

  private static void write(OutputFile file, String text) throws IOException {
    file.channel().write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void theFileAppearsWithCommitAndNotBefore() throws IOException {
    Path path = directory.resolve("out");
    try (OutputFile file = new OutputFile(path)) {
      write(file, "new");
      assertFalse(Files.exists(path));
      file.commit();
    }
    assertEquals("new", Files.readString(path));
    assertEquals(List.of("out"), files());
  }

  @Test
  void withoutCommitAnExistingFileStaysAndNothingElseDoes() throws IOException {
    Path path = directory.resolve("out");
    Files.writeString(path, "old");
    assertThrows(
        IllegalStateException.class,
        () -> {
          try (OutputFile file = new OutputFile(path)) {
            write(file, "new");
            throw new IllegalStateException();
          }
        });
    assertEquals("old", Files.readString(path));
    assertEquals(List.of("out"), files());
  }

  @Test
  void itsRightsAreThoseOfAnyNewFile() throws IOException {
    Path path = directory.resolve("out");
    Path plain = Files.createFile(directory.resolve("plain"));
    try (OutputFile file = new OutputFile(path)) {
      file.commit();
    }
    assertEquals(Files.getPosixFilePermissions(plain), Files.getPosixFilePermissions(path));
  }

  @Test
  void aNameAsLongAsTheFileSystemAllowsIsNotTooLong() throws IOException {
    Path path = directory.resolve("x".repeat(255));
    try (OutputFile file = new OutputFile(path)) {
      file.commit();
    }
    assertTrue(Files.exists(path));
  }

  @Test
  void aLinkStaysOneAndItsFileIsReplaced() throws IOException {
    Path far = Files.createDirectory(directory.resolve("far")).resolve("file");
    Files.writeString(far, "old");
    Path link = Files.createSymbolicLink(directory.resolve("link"), far);
    try (OutputFile file = new OutputFile(link)) {
      write(file, "new");
      file.commit();
    }
    assertTrue(Files.isSymbolicLink(link));
    assertEquals("new", Files.readString(far));
  }

  @Test
  void aDirectoryAMissingOneAndADeviceAreRefused() throws IOException {
    for (Path path :
        List.of(directory, directory.resolve("none/out"), Path.of("/dev/null"), Path.of("/"))) {
      assumeTrue(!path.startsWith("/dev") || Files.exists(path));
      IOException e = assertThrows(IOException.class, () -> new OutputFile(path));
      assertTrue(e.getMessage().startsWith(path + ": "), e.getMessage());
    }
    assertEquals(List.of(), files());
  }

  /** {@code /dev/full} cannot be a target, so a closed file stands for the full disk. */
  @Test
  void aFailedWriteNamesTheFile() throws IOException {
    Path path = directory.resolve("out");
    try (OutputFile file = new OutputFile(path)) {
      file.channel().close();
      IOException e = assertThrows(IOException.class, () -> file.write(ByteBuffer.allocate(1), 0));
      assertTrue(e.getMessage().startsWith(path + ": "), e.getMessage());
    }
  }

  @Test
  void onlyDeadProcessesLeftOversOfTheSameNameAreDeleted() throws Exception {
    Process dead = new ProcessBuilder("true").start();
    dead.waitFor();
    String prefix = ".vmstate-%08x-".formatted("out".hashCode());
    Files.createFile(directory.resolve(prefix + dead.pid() + "-1f"));
    List<String> stay =
        List.of(
            ".vmstate-%08x-%d-1f".formatted("other".hashCode(), dead.pid()),
            prefix + ProcessHandle.current().pid() + "-1f",
            prefix + dead.pid() + "-not",
            "out");
    for (String name : stay) {
      Files.createFile(directory.resolve(name));
    }
    OutputFile.deleteLeftOvers(directory.resolve("out"));
    assertEquals(stay.stream().sorted().toList(), files());
  }

  @Test
  void aDirectoryThatHadToBeMadeGoesAgainWhenEmpty() throws IOException {
    OutputFile.Directory made = new OutputFile.Directory(directory.resolve("a/b"));
    assertTrue(Files.isDirectory(directory.resolve("a/b")));
    made.close();
    assertEquals(List.of(), files());
    made = new OutputFile.Directory(directory.resolve("a/b"));
    Files.createFile(directory.resolve("a/b/c"));
    made.close();
    new OutputFile.Directory(directory.resolve("a")).close();
    assertTrue(Files.exists(directory.resolve("a/b/c")));
  }

  /** Starts a file, says so, and waits to be ended. */
  static final class Waiting {
    public static void main(String[] args) throws Exception {
      try (OutputFile file = new OutputFile(Path.of(args[0]))) {
        file.channel().write(ByteBuffer.allocate(1 << 20));
        Files.createFile(Path.of(args[1]));
        Thread.sleep(60_000);
      }
    }
  }

  @Test
  void aProgramEndedByASignalLeavesNothingBehind() throws Exception {
    Path ready = directory.resolve("ready");
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Waiting.class.getName(),
                directory.resolve("out").toString(),
                ready.toString())
            .inheritIO()
            .start();
    try {
      while (!Files.exists(ready)) {
        assertTrue(child.isAlive(), "the child ended early");
        Thread.sleep(10);
      }
      assertEquals(2, files().size());
      child.destroy();
      assertTrue(child.waitFor(30, TimeUnit.SECONDS));
      assertEquals(List.of("ready"), files());
    } finally {
      child.destroyForcibly();
    }
  }
}
