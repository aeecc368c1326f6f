package dev.vmstate.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.device.FieldPath;
import dev.vmstate.fixtures.RequiredTool;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With a real QEMU and a snapshot it makes itself: a machine at power-on, no guest needed. */
@Tag("qemu")
class VerificationTest {
  private static final String E1000 = "0000:00:02.0/e1000";
  private static final QemuCommand COMMAND = machine("-m", "16");

  @TempDir static Path dir;
  private static Path original;

  private static QemuCommand machine(String... memory) {
    return new QemuCommand(
        Stream.concat(
                Stream.of(
                    "qemu-system-x86_64",
                    "-accel",
                    "tcg",
                    "-machine",
                    "pc",
                    "-nodefaults",
                    "-device",
                    "e1000,mac=52:54:00:12:34:56,addr=02.0"),
                Arrays.stream(memory))
            .toList());
  }

  @BeforeAll
  static void makeSnapshot() throws IOException {
    RequiredTool.require("qemu-system-x86_64", "qemu-system-x86");
    original = dir.resolve("original.mig");
    try (QemuProcess qemu = QemuProcess.startFresh(COMMAND)) {
      new LoadAndSave(qemu, Progress.NONE).save(original);
    }
  }

  /** A copy with one byte changed: byte {@code at} of each field. */
  private static Path edited(String name, int at, int value, String... paths) throws IOException {
    byte[] bytes = Files.readAllBytes(original);
    try (StreamSnapshot snapshot = StreamSnapshot.open(original)) {
      for (String path : paths) {
        bytes[offset(snapshot, path) + at] = (byte) value;
      }
    }
    return Files.write(dir.resolve(name), bytes);
  }

  private static Verification verify(Path fresh, Optional<Path> old, QemuCommand command)
      throws IOException {
    try (StreamSnapshot snapshot = StreamSnapshot.open(fresh)) {
      if (old.isEmpty()) {
        return Verification.of(snapshot, Optional.empty(), command, dir, Progress.NONE);
      }
      try (StreamSnapshot older = StreamSnapshot.open(old.get())) {
        return Verification.of(snapshot, Optional.of(older), command, dir, Progress.NONE);
      }
    }
  }

  @Test
  void anUntouchedSnapshotComesBackAsItWas() throws IOException {
    Verification result = verify(original, Optional.of(original), COMMAND);
    assertTrue(result.ok(), result::toString);
    assertTrue(result.edits().isEmpty());
    assertTrue(result.editedPages().isEmpty());
    assertTrue(result.network().contains("52:54:00:12:34:56"), result::network);
    try (Stream<Path> left = Files.list(dir)) {
      assertTrue(left.noneMatch(file -> file.getFileName().toString().startsWith(".vmstate")));
    }
  }

  @Test
  void anEditedRegisterIsKept() throws IOException {
    Path fresh = edited("register.mig", 1, 0x42, E1000 + "/rxbuf_size");
    Verification result = verify(fresh, Optional.of(original), COMMAND);
    assertTrue(result.ok(), result::toString);
    assertEquals(1, result.edits().size());
    Verification.Edit edit = result.edits().get(0);
    assertEquals(E1000 + "/rxbuf_size", edit.change().path());
    assertTrue(edit.kept());
  }

  /**
   * The e1000 writes its address twice: {@code mac_reg} in parts, and all of it again in subsection
   * e1000/full_mac_state, which is loaded last and wins.
   */
  @Test
  void anEditThatAnotherFieldOverrulesIsNamedWithBothValues() throws IOException {
    String half = E1000 + "/mac_reg[0][0]";
    Path fresh = edited("half.mig", 0, 0x99, half);
    Verification result = verify(fresh, Optional.of(original), COMMAND);
    assertFalse(result.ok());
    assertEquals(1, result.changed().size(), result::toString);
    assertTrue(result.changed().get(0).path().startsWith(E1000 + "/mac_reg[0]"));
    assertEquals(Long.toString(0x99005452L), result.changed().get(0).before());
    assertEquals(Long.toString(0x12005452L), result.changed().get(0).after());
    assertEquals(1, result.edits().size());
    assertFalse(result.edits().get(0).kept());
    assertEquals("QEMU came back with " + 0x12005452L, result.edits().get(0).note());
  }

  @Test
  void anEditThatTheRealTimeClockOverrulesIsNotAFailure() throws IOException {
    Path fresh = edited("clock.mig", 9, 0x77, "mc146818rtc/cmos_data");
    Verification result = verify(fresh, Optional.of(original), COMMAND);
    assertTrue(result.ok(), result::toString);
    assertFalse(result.edits().get(0).kept());
    assertTrue(result.edits().get(0).note().contains("host's time"), result::toString);
  }

  /** Registers A and B ask for 1024 ticks a second, as Windows does. */
  @Test
  void anInterruptOfTheClockIsNoFailure() throws IOException {
    byte[] bytes = Files.readAllBytes(original);
    try (StreamSnapshot snapshot = StreamSnapshot.open(original)) {
      int chip = offset(snapshot, "mc146818rtc/cmos_data");
      bytes[chip + 0x0a] = 0x26;
      bytes[chip + 0x0b] = 0x42;
      bytes[offset(snapshot, "mc146818rtc/period") + 3] = 0x20;
    }
    Path fresh = Files.write(dir.resolve("ticks.mig"), bytes);
    Verification result = verify(fresh, Optional.empty(), COMMAND);
    assertTrue(result.ok(), result::toString);
    assertTrue(
        result.drifts().stream().anyMatch(d -> d.change().path().equals("i8259[1]/irr")),
        result::toString);
  }

  private static int offset(StreamSnapshot snapshot, String path) throws IOException {
    return (int) FieldPath.find(snapshot.devices(), path).span().offset();
  }

  @Test
  void anEditedPageIsKept() throws IOException {
    byte[] bytes = Files.readAllBytes(original);
    Path fresh = dir.resolve("page.mig");
    try (StreamSnapshot snapshot = StreamSnapshot.open(original)) {
      RamIndex index = snapshot.index();
      int bios = snapshot.blocks().stream().map(RamBlock::name).toList().indexOf("pc.bios");
      long page = 0;
      while (index.kind(bios, page) != RamIndex.Kind.DATA) {
        page++;
      }
      bytes[(int) index.value(bios, page) + 17] ^= 0x20;
    }
    Files.write(fresh, bytes);
    Verification result = verify(fresh, Optional.of(original), COMMAND);
    assertTrue(result.ok(), result::toString);
    assertEquals(1, result.editedPages().size());
    assertEquals(1, result.editedPages().get(0).pages().count());
    assertEquals(0, result.editedPages().get(0).lost().count());
  }

  @Test
  void aSnapshotOfAnotherMachineIsRefusedInQemusWords() throws IOException {
    Verification result = verify(original, Optional.empty(), machine("-m", "32"));
    assertFalse(result.ok());
    String refused = result.refused().orElseThrow();
    assertFalse(refused.contains(original.toString()), refused);
    assertTrue(refused.contains("pc.ram"), refused);
    assertFalse(refused.contains("\n"), refused);
  }

  @Test
  void aFileCutShortIsFoundBeforeQemuStarts() throws IOException {
    byte[] whole = Files.readAllBytes(original);
    Path cut = Files.write(dir.resolve("cut.mig"), Arrays.copyOf(whole, whole.length / 2));
    FormatException found =
        assertThrows(
            FormatException.class,
            () -> verify(cut, Optional.empty(), new QemuCommand(List.of("no-such-qemu"))));
    assertTrue(found.getMessage().contains("cut short"), found.getMessage());
  }

  @Test
  void aStreamThatEndsEarlyIsRefusedAndDoesNotHang() throws IOException {
    byte[] whole = Files.readAllBytes(original);
    ByteSource half = ByteSource.of("half", whole);
    try (QemuProcess qemu = QemuProcess.startIncoming(COMMAND)) {
      LoadRefusedException refused =
          assertThrows(
              LoadRefusedException.class,
              () -> new LoadAndSave(qemu, Progress.NONE).load(half, whole.length / 2, List.of()));
      assertTrue(refused.getMessage().contains("load of migration failed"), refused.getMessage());
    }
  }
}
