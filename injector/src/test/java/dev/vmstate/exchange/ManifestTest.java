package dev.vmstate.exchange;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.inject.TestMachine;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ManifestTest {
  @TempDir Path directory;
  private Path file;
  private String good;

  @BeforeEach
  void extract() throws IOException {
    TestMachine machine = new TestMachine(1).part(pass -> pass.page(TestMachine.RAM, 0));
    TestMachine.extract(machine.write(directory.resolve("vm.mig")), directory);
    file = directory.resolve(Manifest.FILE);
    good = Files.readString(file);
  }

  private String refused(String text) throws IOException {
    Files.write(file, text.getBytes(StandardCharsets.ISO_8859_1));
    return refused();
  }

  private String refused() {
    IOException e = assertThrows(IOException.class, () -> Manifest.read(directory));
    String message = e.getMessage();
    assertTrue(message.startsWith(file + ": "), message);
    assertFalse(message.contains("\n") || message.length() > 1000, message);
    return message;
  }

  @Test
  void everyShorterManifestIsRefused() throws IOException {
    for (int length = 0; length < good.lastIndexOf('}'); length++) {
      refused(good.substring(0, length));
    }
  }

  static LongStream seeds() {
    return TestMachine.seeds(300);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void anyByteMayBeWrongAndNothingButAnIoExceptionComesOfIt(long seed) throws IOException {
    var random = new java.util.SplittableRandom(seed);
    byte[] bytes = good.getBytes(StandardCharsets.UTF_8);
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
    }
    Files.write(file, bytes);
    try {
      Manifest.read(directory);
    } catch (IOException e) {
      refused();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../core.elf",
        "/etc/passwd",
        "sub/core.elf",
        "..",
        ".",
        "",
        "core.elf/",
        "a\\u0000b"
      })
  void whatNamesAFileInTheDirectoryIsAPlainName(String name) throws IOException {
    refused(good.replace("\"core.elf\"", '"' + name + '"'));
    refused(good.replace("\"hardware.xml\"", '"' + name + '"'));
  }

  @Test
  void otherFilesAreToldApart() throws IOException {
    assertTrue(refused("[]").contains("at offset"));
    assertTrue(refused("null").contains("vmstate-manifest-1"));
    assertTrue(refused("{}").contains("vmstate-manifest-1"));
    assertTrue(
        refused("{\"format\": \"a\\nb\\u0007\"}").contains("'a?b?'"), "one line, and printable");
    assertTrue(refused(good.replace(Manifest.FORMAT, "vmstate-manifest-2")).contains("manifest-2"));
    refused(good.replaceFirst("\"snapshot\" : \"[^\"]*\"", "\"snapshot\" : null"));
    refused(good.replaceFirst("\"snapshot\" : \"[^\"]*\"", "\"snapshot\" : \"a\\\\u0000\""));
    refused(good.replaceFirst("\"size\" : \\d+", "\"size\" : -1"));
    refused(good.replaceFirst("\"size\" : \\d+", "\"size\" : 99999999999999999999"));
    refused(good.replace("\"below4g\" : null", "\"below4g\" : -4096"));
    refused("[".repeat(100_000));
  }

  @Test
  void anotherVersionMayHaveAddedKeys() {
    assertDoesNotThrow(
        () -> {
          Files.writeString(file, good.replaceFirst("\\{", "{\"more\": [1, {}], "));
          Manifest.read(directory);
        });
  }

  @Test
  void aHugeFileIsNotRead() throws IOException {
    try (RandomAccessFile large = new RandomAccessFile(file.toFile(), "rw")) {
      large.setLength(1L << 40);
    }
    assertTrue(refused().contains("too large"));
  }

  @Test
  void aDirectoryWithoutOneIsNamed() throws IOException {
    Files.delete(file);
    IOException e = assertThrows(IOException.class, () -> Manifest.read(directory));
    assertTrue(e.getMessage().contains("vmstate extract"), e.getMessage());
  }
}
