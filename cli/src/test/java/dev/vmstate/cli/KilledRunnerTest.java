package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.fixtures.RequiredKvm;
import dev.vmstate.kvmdir.KvmDirectory;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * SIGKILL at any moment of a run that ends in a snapshot: under its name there is a whole one or
 * none. How often: {@code -Dvmstate.tries=200}.
 */
@Timeout(900)
class KilledRunnerTest {
  private static final int TRIES = Integer.getInteger("vmstate.tries", 10);
  private static final int MEGABYTES = 48;

  @TempDir Path directory;

  @Test
  void leavesAWholeSnapshotOrNone() throws Exception {
    RequiredKvm.require();
    byte[] payload = payload();
    Path guest = Files.write(directory.resolve("guest.bin"), payload);
    Path place = Files.createDirectory(directory.resolve("place"));
    Path snapshot = place.resolve("snapshot");
    Random random = new Random(20);

    long start = System.nanoTime();
    Process undisturbed = start(guest, snapshot);
    assertEquals(0, undisturbed.waitFor());
    long whole = System.nanoTime() - start;
    assertWhole(snapshot, payload);
    delete(snapshot);

    int unfinished = 0;
    int finished = 0;
    for (int i = 0; i < TRIES; i++) {
      start = System.nanoTime();
      Process process = start(guest, snapshot);
      if (i % 2 == 0) {
        LockSupport.parkNanos((long) (random.nextDouble() * 1.1 * whole));
      } else {
        // in the middle of writing, for sure
        while (process.isAlive() && names(place).isEmpty()) {
          LockSupport.parkNanos(200_000);
        }
        LockSupport.parkNanos((long) (random.nextDouble() * 0.3 * whole));
      }
      process.destroyForcibly();
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      if (Files.exists(snapshot)) {
        finished++;
        assertWhole(snapshot, payload);
        delete(snapshot);
      } else if (!names(place).isEmpty()) {
        unfinished++;
      }
    }
    assertTrue(unfinished > 0, unfinished + " unfinished, " + finished + " finished");

    // What was left is in nobody's way, and goes with the next snapshot of that name.
    assertEquals(0, start(guest, snapshot).waitFor());
    assertWhole(snapshot, payload);
    assertEquals(List.of("snapshot"), names(place));
  }

  /** Writes to a port, then halts; the rest is noise. */
  private static byte[] payload() {
    byte[] bytes = new byte[MEGABYTES << 20];
    new Random(1).nextBytes(bytes);
    byte[] code = {(byte) 0xe6, (byte) 0x80, (byte) 0xf4};
    System.arraycopy(code, 0, bytes, 0, code.length);
    return bytes;
  }

  private Process start(Path guest, Path snapshot) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:+UseSerialGC", "-Xmx256m", "-XX:MaxDirectMemorySize=64m"));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
    command.add(System.getProperty("java.class.path"));
    command.addAll(List.of("dev.vmstate.cli.Main", "run", guest.toString(), "--mode", "long64"));
    command.addAll(List.of("--load", "0x100000", "--memory", "64M", "--pause-at", "io:0x80"));
    command.addAll(List.of("--snapshot", snapshot.toString()));
    return new ProcessBuilder(command)
        .redirectInput(new File("/dev/null"))
        .redirectOutput(directory.resolve("out").toFile())
        .redirectError(directory.resolve("err").toFile())
        .start();
  }

  private static void assertWhole(Path snapshot, byte[] payload) throws IOException {
    try (KvmDirectory saved = KvmDirectory.open(snapshot)) {
      assertEquals(64L << 20, saved.memory().size());
      assertFalse(saved.document().sections().isEmpty());
      byte[] chunk = new byte[1 << 20];
      for (int at = 0; at < payload.length; at += chunk.length) {
        saved.memory().read((1 << 20) + at, ByteBuffer.wrap(chunk));
        assertArrayEquals(Arrays.copyOfRange(payload, at, at + chunk.length), chunk);
      }
    }
  }

  private static List<String> names(Path place) throws IOException {
    try (Stream<Path> all = Files.list(place)) {
      return all.map(p -> p.getFileName().toString()).toList();
    }
  }

  private static void delete(Path snapshot) throws IOException {
    try (Stream<Path> files = Files.list(snapshot)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(snapshot);
  }
}
