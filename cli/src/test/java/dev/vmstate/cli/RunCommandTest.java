package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.fixtures.RequiredKvm;
import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The flags of run and resume, in this JVM; signals and terminals are elsewhere. */
class RunCommandTest {
  @TempDir Path directory;

  @BeforeEach
  void requireKvm() throws IOException {
    RequiredKvm.require();
  }

  private Object[] words(GuestProgram guest, Object... more) throws IOException {
    Path file = directory.resolve(guest.fileName());
    if (!Files.exists(file)) {
      guest.writeTo(directory);
    }
    List<Object> words = new ArrayList<>(guest.runWords(file));
    words.addAll(Arrays.asList(more));
    return words.toArray();
  }

  private Cli run(GuestProgram guest, Object... more) throws IOException {
    return Cli.run(words(guest, more));
  }

  private static void assertStatus(int expected, Cli cli) {
    assertEquals(expected, cli.status(), cli.err());
  }

  @Test
  void theSerialLineIsStandardOutputAndNothingElseIs() throws Exception {
    Cli cli = run(GuestProgram.SIMPLE);
    assertStatus(0, cli);
    assertEquals("4\n", cli.out());
    assertEquals("vmstate: halted: CPU 0 at rip 0x100c (real16, halted)\n", cli.err());
    assertEquals("", run(GuestProgram.SIMPLE, "-q").err());
  }

  @Test
  void registersFollowOnALineOfTheirOwn() throws Exception {
    String out = run(GuestProgram.SIMPLE, "--registers").out();
    assertTrue(
        out.startsWith("4\nCPU 0 (real16) halted\nRAX=000000000000000a RBX=0000000000000002 "),
        out);
    assertTrue(out.contains("RDX=00000000000003f8"), out);
    assertTrue(out.contains("RIP=000000000000100c RFL=0000000000000002"), out);
  }

  @Test
  void jsonHasStandardOutputForItself() throws Exception {
    JsonNode facts = new ObjectMapper().readTree(run(GuestProgram.SIMPLE, "--json").out());
    assertEquals("4\n", facts.path("serial").asText());
    assertEquals("Shutdown", facts.path("state").asText());
    assertEquals("halted", facts.path("stopped").path("kind").asText());
    assertEquals("0xa", facts.path("vcpus").path(0).path("registers").path("rax").asText());
    assertEquals(0, facts.path("status").asInt());
  }

  @Test
  void theSerialLineGoesIntoAFile() throws Exception {
    Path serial = directory.resolve("serial");
    Cli cli = run(GuestProgram.SIMPLE, "--serial", serial);
    assertEquals("", cli.out());
    assertEquals("4\n", Files.readString(serial));
    JsonNode facts =
        new ObjectMapper().readTree(run(GuestProgram.SIMPLE, "--json", "--serial", serial).out());
    assertTrue(facts.path("serial").isMissingNode());
    assertEquals("4\n", Files.readString(serial));
  }

  @Test
  void inputComesFromAFile() throws Exception {
    Path input = Files.writeString(directory.resolve("input"), "3");
    Cli cli = run(GuestProgram.SIMPLE_IN, "--input", input);
    assertStatus(0, cli);
    assertTrue(cli.out().startsWith("5"), cli.out());
  }

  @Test
  void aTraceHasALineForEachExit() throws Exception {
    Cli cli = run(GuestProgram.SIMPLE, "--trace", "io,hlt", "-q");
    assertEquals(
        List.of("io out 0x3f8 size 1 value 0x34", "io out 0x3f8 size 1 value 0xa", "hlt"),
        cli.err().lines().toList());
    List<String> mmio = run(GuestProgram.SIMPLE_MM, "--trace", "mmio", "-q").err().lines().toList();
    assertFalse(mmio.isEmpty());
    for (String line : mmio) {
      assertTrue(
          line.matches("mmio (read|write) 0xd[0-9a-f]{4} size [124] value 0x[0-9a-f]+"), line);
    }
  }

  @Test
  void aPauseIsSavedAndGoneOnWithTwice() throws Exception {
    Path snap = directory.resolve("snap");
    Cli paused = run(GuestProgram.SIMPLE, "--pause-at", "io:0x3f8", "--snapshot", snap, "--json");
    assertStatus(0, paused);
    JsonNode facts = new ObjectMapper().readTree(paused.out());
    assertEquals(snap.toString(), facts.path("snapshot").asText());
    assertEquals("condition", facts.path("stopped").path("kind").asText());
    assertTrue(paused.err().contains("vmstate: saved as " + snap), paused.err());
    for (int i = 0; i < 2; i++) {
      Cli resumed = Cli.run("resume", snap, "--run", "-q");
      assertStatus(0, resumed);
      assertTrue((facts.path("serial").asText() + resumed.out()).equals("4\n"), resumed.out());
    }
  }

  @Test
  void resumeWithoutRunChecksThatItLoads() throws Exception {
    Path snap = directory.resolve("snap");
    run(GuestProgram.SIMPLE, "--pause-after-exits", "1", "--snapshot", snap);
    Cli check = Cli.run("resume", snap);
    assertStatus(0, check);
    assertTrue(check.out().startsWith("CPU 0 (real16)\n"), check.out());
    assertTrue(
        check.err().startsWith("vmstate: %s: 1 vCPU, 64 KiB\n".formatted(snap)), check.err());
    assertTrue(check.err().contains("it loads, and stands paused: CPU 0 at rip 0x"), check.err());
  }

  @Test
  void aConditionWithoutASnapshotEndsWhereItStands() throws Exception {
    Cli cli =
        run(
            GuestProgram.LONG64,
            "--reg",
            "rdi=1000000",
            "--pause-after-exits",
            "20",
            "--registers");
    assertStatus(0, cli);
    assertTrue(cli.err().startsWith("vmstate: paused ("), cli.err());
    assertTrue(cli.out().contains("\nCPU 0 (long64)\n"), () -> cli.out() + cli.err());
  }

  @Test
  void aTimePausesAGuestThatNeverExits() throws Exception {
    Path loop = Files.write(directory.resolve("loop.bin"), new byte[] {(byte) 0xeb, (byte) 0xfe});
    Path snap = directory.resolve("snap");
    Cli cli = Cli.run("run", loop, "--pause-after", "200ms", "--snapshot", snap);
    assertStatus(0, cli);
    assertTrue(cli.err().contains("CPU 0 at rip 0x1000 (real16)"), cli.err());
    assertTrue(Files.isDirectory(snap));
  }

  @Test
  void aDirectoryThatExistsIsRefusedBeforeTheGuestRuns() throws Exception {
    Cli cli = run(GuestProgram.SIMPLE, "--pause-at", "hlt", "--snapshot", directory);
    assertStatus(1, cli);
    assertEquals(
        "vmstate: " + directory + ": it is there already, and is not replaced\n", cli.err());
    assertEquals("", cli.out());
  }

  @Test
  void aSnapshotThatWasNeverDueIsSaidToBeMissing() throws Exception {
    Path snap = directory.resolve("snap");
    Cli cli = run(GuestProgram.SIMPLE, "--pause-at", "io:0x80", "--snapshot", snap);
    assertStatus(0, cli);
    assertTrue(cli.err().contains(snap + " was not written: it never paused"), cli.err());
  }

  @Test
  void aTripleFaultPrintsRegistersAndTheBytesAtRip() throws Exception {
    // protected32, an empty IDT, and ud2
    Path ud2 = Files.write(directory.resolve("ud2.bin"), new byte[] {0x0f, 0x0b});
    Cli cli = Cli.run("run", ud2, "--mode", "protected32");
    assertStatus(1, cli);
    assertTrue(cli.err().contains("0f 0b"), cli.err());
    assertTrue(cli.err().toLowerCase(java.util.Locale.ROOT).contains("rip"), cli.err());
  }

  @ParameterizedTest
  @CsvSource({
    "--pause-at x, 'io:PORT, mmio:ADDRESS or hlt was expected'",
    "--pause-at io:70000, '70000' is no port",
    "--mode real, 'real16, protected32, long64'",
    "--mmio 0x1000, BASE+SIZE was expected",
    "--mmio 0x1000+0, is no range of MMIO",
    "--pause-after soon, is no time",
    "--memory some, is no size",
    "--trace everything, '[IO, MMIO, HLT, OTHER]'",
    "--load here, is no number",
    "--cpus many, is not an int",
    "--debug-port 65536, is no port",
    "--reg rax, NAME=VALUE was expected",
    "--reg rax=x, is no number",
  })
  void aWrongValueIsWrongUsageInTwoLines(String flags, String says) throws Exception {
    Cli cli = run(GuestProgram.SIMPLE, (Object[]) flags.split(" "));
    assertStatus(2, cli);
    assertTrue(cli.err().contains(says), cli.err());
    assertEquals("Try 'vmstate run --help'.", cli.err().lines().toList().get(1));
    assertEquals(2, cli.err().lines().count(), cli.err());
  }

  @Test
  void whatCannotBeStartedIsToldInALine() throws Exception {
    Path none = directory.resolve("none.bin");
    Path sample = Cli.sample(directory);
    Path empty = Files.createDirectory(directory.resolve("empty"));
    Path long_ = directory.resolve("a".repeat(130));
    Path taken = Files.writeString(directory.resolve("taken"), "");
    Object[][] commands = {
      {"run", none},
      {"run", directory},
      {"run", sample, "--memory", "1"},
      {"run", sample, "--load", "0x10000000"},
      words(GuestProgram.SIMPLE, "--reg", "xyz=1"),
      words(GuestProgram.SIMPLE, "--cpus", "0"),
      words(GuestProgram.SIMPLE, "--input", none),
      words(GuestProgram.SIMPLE, "--serial", empty),
      words(GuestProgram.SIMPLE, "--api", long_),
      words(GuestProgram.SIMPLE, "--api", taken),
      {"resume", none},
      {"resume", empty},
      {"resume", sample},
      {"ctl", none, "info"},
      {"ctl", taken, "info"},
    };
    for (Object[] command : commands) {
      Cli cli = Cli.run(command);
      String all = Arrays.toString(command) + "\n" + cli.err();
      assertEquals(1, cli.status(), all);
      assertEquals(1, cli.err().lines().count(), all);
      assertTrue(cli.err().startsWith("vmstate: ") && !cli.err().contains("internal error"), all);
    }
    assertTrue(Cli.run("resume", sample).err().contains("vmstate convert"), "how to go on");
  }

  @Test
  void ctlTakesADirectoryForASnapshotAlone() {
    assertEquals(2, Cli.run("ctl", "vm.sock", "snapshot").status());
    assertEquals(2, Cli.run("ctl", "vm.sock", "pause", "dir").status());
    assertEquals(2, Cli.run("ctl", "vm.sock", "dance").status());
  }
}
