package dev.vmstate.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.fixtures.RequiredKvm;
import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Directories that no runner left so. Each is refused in one line, or makes a machine that runs or
 * fails like any other; a crash of the JVM fails the test, too.
 */
@Timeout(300)
class HostileSnapshotTest {
  private static final int TRIES = Integer.getInteger("vmstate.tries", 25);
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final Pattern DIGITS = Pattern.compile("\"(?:0x)?([0-9a-f]{2,})\"");

  @TempDir Path directory;

  @BeforeEach
  void kvm() throws Exception {
    RequiredKvm.require();
  }

  @ParameterizedTest
  @CsvSource({"SIMPLE, 1", "LONG64, 60", "TICKS, 5", "SMP_SIPI, 9", "CPL3, 2"})
  void anyDigitOfTheStateMayBeAnother(GuestProgram guest, int exits) throws Exception {
    Path snapshot = snapshot(guest, exits);
    String state = Files.readString(snapshot.resolve("state.json"));
    List<int[]> places =
        DIGITS.matcher(state).results().map(m -> new int[] {m.start(1), m.end(1)}).toList();
    Random random = new Random(guest.ordinal());
    int ran = 0;
    for (int i = 0; i < TRIES; i++) {
      StringBuilder edited = new StringBuilder(state);
      for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
        int[] place = places.get(random.nextInt(places.size()));
        // The first digits of long ones, too, are worth a try: counts and headers stand there.
        int at = place[0] + random.nextInt(Math.min(place[1] - place[0], 1 + random.nextInt(600)));
        edited.setCharAt(at, Character.forDigit(random.nextInt(16), 16));
      }
      Path damaged = copy(snapshot, "damaged");
      Files.writeString(damaged.resolve("state.json"), edited);
      ran += runs(damaged, "try " + i + " of " + guest) ? 1 : 0;
    }
    // Most digits are not worth refusing: those of registers, say.
    assertTrue(ran > TRIES / 4, ran + " of " + TRIES + " ran");
  }

  @ParameterizedTest
  @CsvSource({
    "cr0, 0xffffffffffffffff",
    "cr0, 0x0000000080000000",
    "cr3, 0xffffffffffffffff",
    "cr4, 0xffffffffffffffff",
    "cr8, 0xffffffffffffffff",
    "efer, 0xffffffffffffffff",
    "apic_base, 0xffffffffffffffff",
    "rip, 0xffffffffffffffff",
    "rip, 0x8000000000000000",
    "rflags, 0xffffffffffffffff",
    "type, 0xff",
    "dpl, 0xff",
    "present, 0x00",
    "unusable, 0xff",
    "l, 0x01",
    "mp_state, 0xffffffff",
    "mp_state, 0x00000003",
    "tsc_khz, 0xffffffff",
    "tsc_khz, 0x00000000",
    "dr7, 0xffffffffffffffff",
    "gpa, 0xfffffffffffff000",
    "gpa, 0x0000000000000001",
    "length, 0x0000000000000000",
    "length, 0xfffffffffffff000",
    "length, 0x0000000000020000",
    "length, 0x0000000000000800",
    "index, 0xffffffff",
    "function, 0xffffffff",
    "line_count, 0xffff",
    "rx_count, 0xff",
    "tx_count, 0xff",
    "clock, 0xffffffffffffffff",
    "flags, 0xffffffff",
    "count_latched, 0xff",
    "count, 0xffffffff",
  })
  void absurdValuesAreRefusedOrHarmless(String member, String value) throws Exception {
    for (GuestProgram guest : List.of(GuestProgram.LONG64, GuestProgram.TICKS)) {
      Path snapshot = snapshot(guest, 10);
      String state = Files.readString(snapshot.resolve("state.json"));
      Pattern places = Pattern.compile("(\"" + member + "\"\\s*:\\s*\")0x[0-9a-f]*\"");
      Matcher matcher = places.matcher(state);
      String edited = matcher.replaceAll("$1" + value + "\"");
      if (!edited.equals(state)) {
        Path damaged = copy(snapshot, "damaged");
        Files.writeString(damaged.resolve("state.json"), edited);
        runs(damaged, member + "=" + value + " of " + guest);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"-4096", "-1", "1", "4096", "-65536"})
  void memoryOfAnotherLengthIsRefused(int more) throws Exception {
    Path damaged = copy(snapshot(GuestProgram.SIMPLE, 1), "damaged");
    Path memory = damaged.resolve("memory-ranges");
    byte[] bytes = Files.readAllBytes(memory);
    Files.write(memory, java.util.Arrays.copyOf(bytes, bytes.length + more));
    assertFalse(runs(damaged, "memory"));
  }

  @ParameterizedTest
  @CsvSource({
    "\"boot_vcpus\" : 1, \"boot_vcpus\" : 2",
    "\"boot_vcpus\" : 1, \"boot_vcpus\" : 4096",
    "\"size\" : 65536, \"size\" : 4096",
    "\"size\" : 65536, \"size\" : 1048576",
    "\"irqchip\" : true, \"irqchip\" : false",
    "\"iobase\" : 1016, \"iobase\" : 1020",
  })
  void aConfigurationThatContradictsTheStateIsRefusedOrHarmless(String from, String to)
      throws Exception {
    Path damaged = copy(snapshot(GuestProgram.TICKS, 5), "damaged");
    Path config = damaged.resolve("config.json");
    String text = Files.readString(config);
    String edited = text.replace(from, to).replace("\"max_vcpus\" : 1", "\"max_vcpus\" : 4096");
    assertTrue(text.contains(from), text);
    Files.writeString(config, edited);
    runs(damaged, to);
  }

  @Test
  void missingFilesAreNamed() throws Exception {
    Path snapshot = snapshot(GuestProgram.SIMPLE, 1);
    for (String file : List.of("config.json", "state.json", "memory-ranges")) {
      Path damaged = copy(snapshot, "damaged");
      Files.delete(damaged.resolve(file));
      try {
        Machine.restore(damaged, RunOptions.of(Console.none())).close();
        throw new AssertionError("restored without " + file);
      } catch (IOException e) {
        oneLine(e);
        assertTrue(
            String.valueOf(e.getMessage()).contains(file)
                || e instanceof java.nio.file.NoSuchFileException,
            e::toString);
      }
    }
  }

  /** Whether it could be made into a machine, which then ran for a moment. */
  private static boolean runs(Path damaged, String what) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    RunOptions run =
        Guests.into(
            out,
            new PauseCondition.ExitCount(300),
            new PauseCondition.Duration(Duration.ofMillis(30)));
    long start = System.nanoTime();
    try (MachineControl machine = Machine.restore(damaged, run)) {
      machine.resume();
      StopReason stop = machine.await();
      assertFalse(stop.text().contains("\n") || stop.text().contains("Exception"), stop::toString);
      if (machine.state() == MachineControl.State.PAUSED) {
        machine.resume();
        machine.pause();
      }
      assertFalse(machine.info().vcpus().isEmpty());
      return true;
    } catch (IOException e) {
      oneLine(e);
      return false;
    } catch (RuntimeException | Error e) {
      throw new AssertionError(what, e);
    } finally {
      long took = System.nanoTime() - start;
      assertTrue(took < SOON.toNanos(), () -> what + " took " + Duration.ofNanos(took));
    }
  }

  private static void oneLine(IOException e) {
    String message = String.valueOf(e.getMessage());
    assertFalse(message.contains("\n") || message.contains("Exception"), message);
    assertFalse(message.isBlank() || message.equals("null"), e::toString);
  }

  private Path snapshot(GuestProgram guest, int exits) throws Exception {
    Path snapshot = directory.resolve(guest + "-" + exits);
    if (!Files.exists(snapshot)) {
      RunOptions run =
          Guests.into(new ByteArrayOutputStream(), new PauseCondition.ExitCount(exits));
      try (MachineControl machine = Machine.create(Guests.of(guest, directory), run)) {
        machine.resume();
        StopReason stop = machine.await();
        assertEquals(StopReason.Kind.CONDITION, stop.kind(), stop::toString);
        machine.snapshot(snapshot);
      }
    }
    return snapshot;
  }

  private Path copy(Path snapshot, String name) throws IOException {
    Path copy = Files.createDirectories(directory.resolve(name));
    for (String file : List.of("config.json", "state.json", "memory-ranges")) {
      Files.write(copy.resolve(file), Files.readAllBytes(snapshot.resolve(file)));
    }
    return copy;
  }
}
