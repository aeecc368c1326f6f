package dev.vmstate.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.fixtures.RequiredKvm;
import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Snapshots and resumes one after the other in one process. How many: {@code
 * -Dvmstate.cycles=1000}.
 */
class SnapshotCyclesTest {
  private static final int CYCLES = Integer.getInteger("vmstate.cycles", 100);
  private static final int WARM_UP = 20;

  @TempDir Path directory;

  /** What a process holds: descriptors, mappings, threads. */
  private record Held(long descriptors, long mappings, long threads, long ofKvm) {
    static Held now() throws IOException {
      List<String> maps = Files.readAllLines(Path.of("/proc/self/maps"));
      long ofKvm = maps.stream().filter(Held::ofAMachine).count();
      try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
        List<Path> descriptors = links.toList();
        for (Path link : descriptors) {
          ofKvm += target(link) ? 1 : 0;
        }
        return new Held(descriptors.size(), maps.size(), entries("/proc/self/task"), ofKvm);
      }
    }

    private static boolean target(Path link) {
      try {
        return ofAMachine(Files.readSymbolicLink(link).toString());
      } catch (IOException closedMeanwhile) {
        return false;
      }
    }

    private static boolean ofAMachine(String name) {
      return name.contains("kvm-v") || name.contains("memory-ranges") || name.contains("/dev/kvm");
    }

    private static long entries(String directory) throws IOException {
      try (Stream<Path> all = Files.list(Path.of(directory))) {
        return all.count();
      }
    }
  }

  @Test
  void leaveNoDescriptorMappingOrThreadBehindAndLoseNoByte() throws Exception {
    RequiredKvm.require();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    RunOptions run = Guests.into(out, new PauseCondition.ExitCount(37));
    Path last = directory.resolve("0");
    Held before = null;
    MachineControl machine = Machine.create(Guests.of(GuestProgram.LONG64, directory), run);
    for (int i = 0; i < WARM_UP + CYCLES; i++) {
      try (MachineControl running = machine) {
        running.resume();
        StopReason stop = running.await();
        assertEquals(StopReason.Kind.CONDITION, stop.kind(), stop::toString);
        running.snapshot(directory.resolve(Integer.toString(i + 1)));
      }
      delete(last);
      last = directory.resolve(Integer.toString(i + 1));
      if (i == WARM_UP - 1) {
        before = Held.now();
      }
      if (i == WARM_UP + CYCLES - 1) {
        Held after = Held.now();
        assertEquals(0, after.ofKvm, after::toString);
        // The JVM itself opens a jar, starts a compiler thread or maps an arena now and then.
        String change = before + " became " + after;
        assertTrue(after.descriptors <= before.descriptors + 3, change);
        assertTrue(after.mappings <= before.mappings + 30, change);
        assertTrue(after.threads <= before.threads + 3, change);
      }
      machine = Machine.restore(last, run);
    }
    machine.close();
    String text = out.toString(StandardCharsets.ISO_8859_1);
    StringBuilder all = new StringBuilder("on the tables it was given\non its own tables\n");
    for (int line = 1; all.length() < text.length(); line++) {
      all.append("counter %08x%n".formatted(line));
    }
    assertEquals(all.substring(0, text.length()), text);
    // 37 exits are about 18 characters: half are reads of the line status
    assertTrue(text.length() > (WARM_UP + CYCLES) * 15, () -> text.length() + " characters");
  }

  private static void delete(Path snapshot) throws IOException {
    if (Files.exists(snapshot)) {
      try (Stream<Path> files = Files.list(snapshot)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(snapshot);
    }
  }
}
