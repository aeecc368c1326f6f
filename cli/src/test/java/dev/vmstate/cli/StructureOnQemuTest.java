package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.fixtures.RequiredTool;
import dev.vmstate.qemu.LoadAndSave;
import dev.vmstate.qemu.LoadRefusedException;
import dev.vmstate.qemu.QemuCommand;
import dev.vmstate.qemu.QemuProcess;
import dev.vmstate.qemu.Verification;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The installed QEMU takes a stream of another structure only after the edit that makes it its own,
 * and saves again what was in it.
 */
@Tag("qemu")
class StructureOnQemuTest {
  private static final String CARD = "0000:00:02.0/e1000";
  private static final String MACHINE = "pc-i440fx-7.2";
  private static final String RAM =
      "memory-backend-ram,id=ram-node-of-a-long-name,size=16M,x-use-canonical-path-for-ramblock-id=off";

  @TempDir static Path dir;
  private static Path original;

  private static QemuCommand machine(String machine, String... more) {
    List<String> words = new ArrayList<>(List.of("qemu-system-x86_64", "-accel", "tcg"));
    words.addAll(List.of("-nodefaults", "-m", "16", "-machine", machine));
    words.addAll(List.of(more));
    return new QemuCommand(words);
  }

  private static QemuCommand withCard(String machine, String address) {
    return machine(machine, "-device", "e1000,mac=52:54:00:12:34:56,addr=" + address);
  }

  @BeforeAll
  static void makeSnapshot() throws IOException {
    RequiredTool.require("qemu-system-x86_64", "qemu-system-x86");
    original = dir.resolve("original.mig");
    try (QemuProcess qemu = QemuProcess.startFresh(withCard(MACHINE, "2"))) {
      new LoadAndSave(qemu, Progress.NONE).save(original);
    }
  }

  private static Path edited(String name, Path from, Object... edit) {
    Path to = dir.resolve(name);
    List<Object> words = new ArrayList<>(List.of(edit));
    words.add(1, from);
    words.addAll(List.of("-o", to, "-q"));
    Cli.ok(words.toArray());
    return to;
  }

  private static void refused(Path file, QemuCommand command, String why) throws IOException {
    try (StreamSnapshot snapshot = StreamSnapshot.open(file);
        QemuProcess qemu = QemuProcess.startIncoming(command)) {
      LoadAndSave load = new LoadAndSave(qemu, Progress.NONE);
      Exception e = assertThrows(LoadRefusedException.class, () -> load.load(snapshot));
      assertTrue(String.valueOf(e.getMessage()).contains(why), e.getMessage());
    }
  }

  /** Loaded, saved again, and everything that was in it is in what was saved. */
  private static void kept(Path file, QemuCommand command) throws IOException {
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      Verification result =
          Verification.of(snapshot, Optional.empty(), command, dir, Progress.NONE);
      assertTrue(result.ok(), result::toString);
    }
  }

  @Test
  void aCardThatIsNotThereGoesWithItsRom() throws IOException {
    refused(original, machine(MACHINE), "e1000.rom");
    Path section = edited("section.mig", original, "drop-section", CARD);
    refused(section, machine(MACHINE), "e1000.rom");
    Path both = edited("both.mig", section, "drop-block", CARD + ".rom");
    kept(both, machine(MACHINE));
    refused(
        edited("rom.mig", original, "drop-block", CARD + ".rom"),
        machine(MACHINE),
        "Unknown savevm section or instance '" + CARD);
  }

  @Test
  void aCardInAnotherSlotIsCalledAfterIt() throws IOException {
    QemuCommand elsewhere = withCard(MACHINE, "0x15");
    refused(original, elsewhere, "e1000.rom");
    Path block = edited("b.mig", original, "rename-block", CARD + ".rom", "0000:00:15.0/e1000.rom");
    refused(block, elsewhere, "Unknown savevm section or instance '" + CARD);
    kept(edited("s.mig", block, "rename-section", CARD, "0000:00:15.0/e1000"), elsewhere);
  }

  @Test
  void anOlderMachineTakesTheStreamOnceItSaysSo() throws IOException {
    QemuCommand older = withCard("pc-i440fx-7.1", "2");
    refused(original, older, "Machine type received is 'pc-i440fx-7.2'");
    kept(edited("older.mig", original, "set", "machine=pc-i440fx-7.1"), older);
  }

  @Test
  void memoryOfAnotherNameIsTaken() throws IOException {
    QemuCommand backend =
        machine(
            MACHINE + ",memory-backend=ram-node-of-a-long-name",
            "-object",
            RAM,
            "-device",
            "e1000,addr=2");
    refused(original, backend, "Unknown ramblock \"pc.ram\"");
    kept(edited("ram.mig", original, "rename-block", "pc.ram", "ram-node-of-a-long-name"), backend);
  }

  /** QEMU loads it without, and as the card needs the part it writes it again. */
  @Test
  void aSubsectionMayBeMissing() throws IOException {
    String part = "e1000/full_mac_state";
    Path without = edited("part.mig", original, "drop-subsection", CARD + "/" + part);
    Path again = dir.resolve("again.mig");
    try (StreamSnapshot snapshot = StreamSnapshot.open(without);
        QemuProcess qemu = QemuProcess.startIncoming(withCard(MACHINE, "2"))) {
      LoadAndSave both = new LoadAndSave(qemu, Progress.NONE);
      both.load(snapshot);
      both.save(again);
    }
    try (StreamSnapshot old = StreamSnapshot.open(original);
        StreamSnapshot saved = StreamSnapshot.open(again)) {
      assertEquals(labels(old), labels(saved));
    }
    assertTrue(Cli.ok("get", again, CARD).contains(part));
    Path bytes =
        edited("bytes.mig", original, "add-subsection", "timer/timer/nobody", "--hex", "0102");
    refused(bytes, withCard(MACHINE, "2"), "timer");
  }

  private static List<String> labels(StreamSnapshot snapshot) throws IOException {
    return snapshot.devices().stream().map(DeviceSection::label).toList();
  }
}
