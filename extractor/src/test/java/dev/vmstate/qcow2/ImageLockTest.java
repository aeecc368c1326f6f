package dev.vmstate.qcow2;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vmstate.fixtures.Qcow2Builder;
import dev.vmstate.fixtures.QemuImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real qemu-io has the image open. */
class ImageLockTest {
  @TempDir private Path directory;
  private QemuImage image;

  @BeforeEach
  void anImage() throws IOException {
    image = new QemuImage(directory.resolve("disk.qcow2"));
    Files.write(image.file(), new Qcow2Builder(3, 9).build());
  }

  private List<String> warnings() throws IOException {
    try (Qcow2Image opened = Qcow2Image.open(image.file())) {
      return opened.warnings();
    }
  }

  /** Its prompt comes when the image is open. */
  private List<String> warningsWhileOpen(String... options) throws Exception {
    List<String> command = new ArrayList<>(List.of("qemu-io"));
    command.addAll(List.of(options));
    command.add(image.file().toString());
    Process io = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      assertEquals("qemu-io>", new String(io.getInputStream().readNBytes(8), US_ASCII));
      return warnings();
    } finally {
      io.getOutputStream().close();
      io.waitFor();
    }
  }

  @Test
  void anImageOpenForWritingIsNoticed() throws Exception {
    assertEquals(List.of(), warnings());
    assertEquals(
        List.of("in use: another program (QEMU) has it open for writing"), warningsWhileOpen());
    assertEquals(List.of(), warningsWhileOpen("-r"));
    assertEquals(List.of(), warnings());
  }
}
