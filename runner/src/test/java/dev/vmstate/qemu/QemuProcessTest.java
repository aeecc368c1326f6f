package dev.vmstate.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmstate.fixtures.RequiredTool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class QemuProcessTest {
  private static QemuCommand qemu(String... more) {
    List<String> words = new ArrayList<>(List.of("qemu-system-x86_64", "-nodefaults"));
    words.addAll(List.of(more));
    return new QemuCommand(words);
  }

  @Test
  void saysWhenThereIsNoSuchProgram() {
    QemuException missing =
        assertThrows(
            QemuException.class,
            () -> QemuProcess.startIncoming(new QemuCommand(List.of("no-such-qemu"))));
    assertTrue(
        missing.getMessage().startsWith("cannot start no-such-qemu: is QEMU installed"),
        missing.getMessage());
  }

  @Test
  void saysWhatAProgramThatEndsAtOncePrinted() {
    assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "/bin/sh is missing");
    QemuCommand command =
        new QemuCommand(List.of("/bin/sh", "-c", "echo 'qemu: no such machine' >&2; exit 3"));
    QemuException ended =
        assertThrows(QemuException.class, () -> QemuProcess.startIncoming(command));
    assertEquals("QEMU did not start: no such machine", ended.getMessage());
  }

  @Test
  void saysTheStatusOfAProgramThatEndsInSilence() {
    assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "/bin/sh is missing");
    QemuCommand command = new QemuCommand(List.of("/bin/sh", "-c", "exit 3"));
    QemuException ended =
        assertThrows(QemuException.class, () -> QemuProcess.startIncoming(command));
    assertEquals("QEMU did not start: it ended with status 3", ended.getMessage());
  }

  @Test
  @Tag("qemu")
  void reportsQemusOwnErrors() {
    RequiredTool.require("qemu-system-x86_64", "qemu-system-x86");
    QemuException ended =
        assertThrows(
            QemuException.class, () -> QemuProcess.startIncoming(qemu("-machine", "pc-none")));
    assertTrue(ended.getMessage().contains("unsupported machine type"), ended.getMessage());
  }

  @Test
  @Tag("qemu")
  void endsQemuAndLeavesNothingBehind() throws IOException {
    RequiredTool.require("qemu-system-x86_64", "qemu-system-x86");
    QemuProcess qemu = QemuProcess.startIncoming(qemu("-accel", "tcg", "-m", "16"));
    Path directory = qemu.path("x").getParent();
    assertEquals(
        "rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)));
    assertTrue(qemu.alive());
    qemu.close();
    assertFalse(qemu.alive());
    assertFalse(Files.exists(directory));
    qemu.close();
  }
}
