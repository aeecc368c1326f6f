package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.cli.guest.SavedGuest.Row;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What comes out of a snapshot is what QEMU has, however QEMU saved it. */
@Tag("qemu")
@Tag("linux")
class SavedMemoryTest {
  @TempDir private Path folder;

  @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
  @MethodSource("dev.vmstate.cli.guest.Ways#onEveryBuild")
  void memoryAndRegistersAreQemus(Row row) throws Exception {
    SavedGuest saved = SavedGuest.of(row);
    assertInfo(saved, Vmstate.run("info", "--json", saved.snapshot()).json());
    Path directory = folder.resolve("extracted");
    Vmstate.run("extract", saved.snapshot(), "-o", directory, "--no-symbols");
    Path core = directory.resolve("core.elf");
    try (ElfDump ours = new ElfDump(core);
        ElfDump qemus = new ElfDump(saved.dump())) {
      ours.assertSameMemory(qemus);
    }
    RegisterCheck.assertSame(saved.registers(), Gdb.read(core, "info registers"));
  }

  @Tag("matrix")
  @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
  @MethodSource("dev.vmstate.cli.guest.Ways#matrix")
  void memoryAndRegistersAreEveryQemus(Row row) throws Exception {
    memoryAndRegistersAreQemus(row);
  }

  private static void assertInfo(SavedGuest saved, JsonNode info) {
    assertEquals(saved.way().container(), info.path("container").asText());
    assertEquals("qemu", info.path("vmm").asText());
    assertEquals(BootedGuest.BYTES, info.path("ram").path("bytes").asLong());
    assertEquals(
        "0x" + Long.toHexString(saved.registers().get("RIP")),
        info.path("cpus").path(0).path("rip").asText());
    JsonNode card = info.path("nics").path(0);
    assertEquals("virtio-net", card.path("model").asText());
    if (saved.way().described()) {
      assertEquals(BootedGuest.MAC, card.path("mac").asText());
    } else {
      assertTrue(card.path("mac").isNull(), info::toString);
    }
  }
}
