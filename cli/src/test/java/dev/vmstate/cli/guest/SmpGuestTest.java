package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One Linux on machine q35 with four CPUs. */
@Tag("qemu")
@Tag("linux")
class SmpGuestTest {
  private static final int CPUS = 4;

  @TempDir private static Path saved;

  private static Path snapshot;
  private static Path dump;
  private static Path directory;
  private static final List<Map<String, Long>> registers = new ArrayList<>();

  @BeforeAll
  static void bootSaveAndExtract() throws Exception {
    GuestKernel kernel = GuestKernel.cloud();
    List<String> words =
        new GuestMachine(GuestMachine.hostQemu(), "q35", "128M")
            .cpus(CPUS)
            .boots(kernel, GuestDisk.build(kernel, saved))
            .card("virtio-net-pci", "52:54:00:20:00:01")
            .card("vmxnet3", "52:54:00:20:00:02")
            .words();
    snapshot = saved.resolve("stopped.mig");
    dump = saved.resolve("dump.elf");
    try (Machine machine = Machine.fresh(words)) {
      machine.run();
      machine.awaitTick(tick -> tick.number() >= 2 && tick.macs().size() == 2);
      machine.stop();
      for (int i = 0; i < CPUS; i++) {
        registers.add(machine.registers(i));
      }
      machine.dump(dump);
      machine.save(snapshot);
    }
    directory = saved.resolve("extracted");
    Vmstate.run("extract", snapshot, "-o", directory, "--no-symbols");
  }

  @Test
  void everyCpuHasTheRegistersThatQemuShows() throws Exception {
    Path core = directory.resolve("core.elf");
    String threads = Gdb.read(core, "info threads");
    // "* 1    LWP 1   0xffffffff8190c8eb in ?? ()"
    assertEquals(
        CPUS,
        Pattern.compile("(?m)^[* ] \\d+ +LWP \\d").matcher(threads).results().count(),
        threads);
    for (int i = 0; i < CPUS; i++) {
      RegisterCheck.assertSame(
          registers.get(i), Gdb.read(core, "thread " + (i + 1), "info registers"));
    }
  }

  @Test
  void infoCountsTheCpus() throws Exception {
    JsonNode cpus = Vmstate.run("cpus", "--json", snapshot).json().path("cpus");
    assertEquals(CPUS, cpus.size());
    for (int i = 0; i < CPUS; i++) {
      assertEquals(i, cpus.path(i).path("index").asInt());
      String cr3 = "0x" + Long.toHexString(registers.get(i).get("CR3"));
      assertEquals(cr3, cpus.path(i).path("cr3").asText());
    }
  }

  @Test
  void memoryAndNotesAreThoseOfQemusOwnDump() throws Exception {
    try (ElfDump ours = new ElfDump(directory.resolve("core.elf"));
        ElfDump qemus = new ElfDump(dump)) {
      assertArrayEquals(qemus.notes("CORE", 1).toArray(), ours.notes("CORE", 1).toArray());
      assertArrayEquals(qemus.notes("QEMU", 0).toArray(), ours.notes("QEMU", 0).toArray());
      ours.assertSameMemory(qemus);
    }
  }

  @Test
  void nothingEditedGivesTheSameSnapshot() throws Exception {
    Path again = saved.resolve("again.mig");
    Vmstate.run("inject", directory, "-o", again);
    assertEquals(-1, Files.mismatch(snapshot, again));
    assertTrue(Vmstate.run("inject", directory, "--dry-run").out().contains("no edit"));
  }
}
