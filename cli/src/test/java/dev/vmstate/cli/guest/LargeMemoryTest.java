package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A machine with 5 GiB, of which hardly a page is used: it is not even switched on. QEMU's loader
 * has put a number at each edge of memory.
 */
@Tag("qemu")
class LargeMemoryTest {
  private static final long GIB = 1L << 30;

  private static final long MARK = 0x1122_3344_5566_7700L;

  @TempDir private Path folder;

  @ParameterizedTest(name = "{0}: {1} GiB below 4 GiB")
  @CsvSource({"pc, 3", "q35, 2"})
  void memoryAbove4GiBIsWhereQemuHasIt(String machine, long below) throws Exception {
    List<Long> marked = List.of(0x1000L, below * GIB - 8, 4 * GIB, 4 * GIB + (5 - below) * GIB - 8);
    GuestMachine definition =
        new GuestMachine(GuestMachine.hostQemu(), machine, "5G")
            .card("virtio-net-pci", "52:54:00:30:00:01");
    for (int i = 0; i < marked.size(); i++) {
      definition.with(
          "-device", "loader,data-len=8,addr=0x%x,data=0x%x".formatted(marked.get(i), MARK + i));
    }
    Path snapshot = folder.resolve("stopped.mig");
    List<List<Long>> qemus;
    try (Machine fresh = Machine.fresh(definition.words())) {
      qemus = ranges(fresh);
      fresh.save(snapshot);
    }

    assertEquals(qemus, ranges(Vmstate.run("info", "--json", snapshot).json()));
    Path directory = folder.resolve("extracted");
    Vmstate.run("extract", snapshot, "-o", directory, "--no-symbols");
    try (ElfDump core = new ElfDump(directory.resolve("core.elf"))) {
      assertEquals(qemus, core.physicalRanges());
      for (int i = 0; i < marked.size(); i++) {
        byte[] expected = new byte[8];
        ByteBuffer.wrap(expected).order(ByteOrder.LITTLE_ENDIAN).putLong(MARK + i);
        assertArrayEquals(expected, core.physical(marked.get(i), 8));
      }
    }
    Path again = folder.resolve("again.mig");
    Vmstate.run("inject", directory, "-o", again);
    assertEquals(-1, Files.mismatch(snapshot, again));

    long withoutSnapshot = Vmstate.run("--version").bytesRead();
    long bytes = Vmstate.run("nics", snapshot).bytesRead() - withoutSnapshot;
    assertTrue(
        bytes < 4 << 20 && Files.size(snapshot) > 10 << 20,
        () -> "%d bytes read of a stream of %s".formatted(bytes, snapshot.toFile().length()));
  }

  /** Of "info --json", with neighbours joined. */
  private static List<List<Long>> ranges(JsonNode info) {
    List<ElfDump.Load> loads = new ArrayList<>();
    for (JsonNode range : info.path("memoryMap")) {
      long start = Long.decode(range.path("start").asText());
      long bytes = Long.decode(range.path("end").asText()) - start;
      loads.add(new ElfDump.Load(0, start, 0, bytes, bytes));
    }
    return ElfDump.physicalRanges(loads);
  }

  /** From the headers of QEMU's own dump; the rest of it goes nowhere. */
  private List<List<Long>> ranges(Machine machine) throws Exception {
    Path pipe = folder.resolve("pipe");
    HostTool.run("mkfifo", pipe.toString());
    Path headers = folder.resolve("headers.elf");
    var executor = Executors.newSingleThreadExecutor();
    try {
      Future<?> read =
          executor.submit(
              () -> {
                try (var in = Files.newInputStream(pipe)) {
                  Files.write(headers, in.readNBytes(1 << 20));
                }
                return null;
              });
      try {
        machine.dump(pipe);
      } catch (IOException e) {
        // nobody reads on
      }
      read.get(1, TimeUnit.MINUTES);
    } finally {
      executor.shutdownNow();
    }
    try (ElfDump dump = new ElfDump(headers)) {
      return dump.physicalRanges();
    }
  }
}
