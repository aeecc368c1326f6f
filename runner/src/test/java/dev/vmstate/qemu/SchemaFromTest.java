package dev.vmstate.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSection.Decoded;
import dev.vmstate.fixtures.RequiredTool;
import dev.vmstate.nic.MacAddress;
import dev.vmstate.nic.Nics;
import dev.vmstate.snapshot.SchemaFile;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Streams without vmdesc, described by another stream of the installed QEMU. */
@Tag("qemu")
class SchemaFromTest {
  private static final String MAC = "52:54:00:ab:cd:ef";

  @TempDir static Path dir;
  private static Path described;
  private static Path twin;
  private static Path bare;

  @BeforeAll
  static void makeSnapshots() throws IOException {
    RequiredTool.require("qemu-system-x86_64", "qemu-system-x86");
    described = save("described", "pc", "52:54:00:11:11:11");
    bare = save("bare", "pc,suppress-vmdesc=on", MAC);
    try (StreamSnapshot snapshot = StreamSnapshot.open(described)) {
      // The record is a type byte, a length and the JSON; it stands behind the end of the stream.
      int end = (int) snapshot.layout().vmdesc().orElseThrow().offset() - 5;
      byte[] bytes = Arrays.copyOf(Files.readAllBytes(described), end);
      twin = Files.write(dir.resolve("twin.mig"), bytes);
    }
  }

  private static Path save(String name, String machine, String mac) throws IOException {
    List<String> words = new ArrayList<>(List.of("qemu-system-x86_64", "-accel", "tcg"));
    words.addAll(List.of("-nodefaults", "-m", "16", "-machine", machine));
    words.addAll(List.of("-device", "e1000,addr=02.0,mac=" + mac));
    words.addAll(List.of("-device", "virtio-net-pci,addr=03.0", "-device", "ich9-ahci,addr=04.0"));
    Path file = dir.resolve(name + ".mig");
    try (QemuProcess qemu = QemuProcess.startFresh(new QemuCommand(words))) {
      new LoadAndSave(qemu, Progress.NONE).save(file);
    }
    return file;
  }

  private static StreamSnapshot open(Path file, Path... schemas) throws IOException {
    StreamSnapshot snapshot = StreamSnapshot.open(file);
    for (Path schema : schemas) {
      snapshot.schema(SchemaFile.open(SnapshotName.of(schema)));
    }
    return snapshot;
  }

  @Test
  void aTwinWithoutItsDescriptionIsReadAsTheOtherIs() throws IOException {
    try (StreamSnapshot own = open(described);
        StreamSnapshot cut = open(twin, described)) {
      assertEquals(own.devices().size(), cut.devices().size());
      for (int i = 0; i < own.devices().size(); i++) {
        DeviceSection cutSection = cut.devices().get(i);
        assertEquals(Decoded.MODEL, cutSection.decoded(), cutSection::label);
        assertEquals(own.devices().get(i).root(), cutSection.root());
      }
    }
  }

  @Test
  void anotherMachinesDescriptionServes() throws IOException {
    try (StreamSnapshot alone = open(bare);
        StreamSnapshot helped = open(bare, described)) {
      assertTrue(alone.devices().stream().anyMatch(d -> d.decoded() == Decoded.OPAQUE));
      Map<String, String> opaque = new HashMap<>();
      helped.devices().stream()
          .filter(d -> d.decoded() == Decoded.OPAQUE)
          .forEach(d -> opaque.put(d.label(), d.note()));
      assertEquals(Map.of(), opaque);
      assertEquals(MacAddress.parse(MAC), Nics.of(helped.devices()).get(0).mac().orElseThrow());
    }
  }

  @Test
  void theDumpOfQemusClassesServesForWhatItCanExplain() throws IOException {
    Path dump = dir.resolve("classes.json");
    new QemuProgram(List.of("qemu-system-x86_64")).dumpClasses(dump);
    try (StreamSnapshot own = open(described);
        StreamSnapshot cut = open(twin, dump)) {
      int read = 0;
      for (int i = 0; i < own.devices().size(); i++) {
        DeviceSection section = cut.devices().get(i);
        if (section.decoded() == Decoded.OPAQUE) {
          assertTrue(!section.note().isEmpty(), section::label);
        } else {
          read++;
          assertEquals(section.payload(), section.root().span());
        }
      }
      assertTrue(read > 12, "sections read: " + read);
    }
  }
}
