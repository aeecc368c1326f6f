package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Edits by command, on the embedded snapshot of a real QEMU. */
class EditTest {
  private static final String MAC = "52:54:00:c0:ff:ee";

  @TempDir Path directory;
  private Path sample;
  private Path fresh;
  private byte[] original;

  @BeforeEach
  void unpack() throws Exception {
    sample = Cli.sample(directory);
    fresh = directory.resolve("new.mig");
    original = Files.readAllBytes(sample);
  }

  @Test
  void extractAndInjectWithoutAnEditGivesTheSameBytes() throws Exception {
    Path dir = directory.resolve("vm");
    Cli.ok("extract", sample, "-o", dir);
    assertTrue(Cli.ok("inject", dir, "-o", fresh).contains("no edit"));
    assertArrayEquals(original, Files.readAllBytes(fresh));
  }

  @Test
  void setChangesTheFieldsBytesAndNothingElse() throws Exception {
    Cli.ok("set", sample, "cpu[0]/rbx=0x1122334455667788", "i8259[1]/imr=0x5a", "-o", fresh);
    byte[] changed = Files.readAllBytes(fresh);
    assertEquals(original.length, changed.length);
    assertEquals(
        "cpu[0]/rbx=0x1122334455667788\ni8259[1]/imr=90\n",
        Cli.ok("get", fresh, "cpu[0]/rbx", "i8259[1]/imr"));
    assertEquals(9, differing(original, changed).size());
  }

  @Test
  void setAndSetBackGivesTheSameBytes() throws Exception {
    String before = Cli.ok("get", sample, "mc146818rtc/cmos_data").strip();
    Cli.ok("set", sample, "mc146818rtc/cmos_data=" + "00".repeat(128), "-o", fresh);
    Path back = directory.resolve("back.mig");
    Cli.ok("set", fresh, before, "-o", back);
    assertArrayEquals(original, Files.readAllBytes(back));
  }

  @Test
  void setMacChangesEveryCopyAndTheChecksum() throws Exception {
    String report = Cli.ok("set-mac", sample, "e1000", MAC, "-o", fresh);
    assertTrue(report.contains("eeprom_data[0x3f]"), report);
    assertTrue(report.contains("not changed: "), report);
    assertTrue(Cli.ok("nics", fresh).contains(MAC));
    String[] words =
        Cli.ok("get", fresh, "0000:00:02.0/e1000/eeprom_data").split("=", 2)[1].strip().split(" ");
    assertEquals(0xbaba, Arrays.stream(words).mapToInt(Integer::parseInt).sum() & 0xffff);
    assertEquals("49152", words[1]);
    Cli.ok("set-mac", fresh, MAC, "52:54:00:12:34:56", "--in-place");
    assertArrayEquals(original, Files.readAllBytes(fresh));
  }

  @Test
  void inPlaceChangesTheFileAndUndoTakesItBack() throws Exception {
    Cli.ok("set-mac", sample, "e1000", MAC, "--in-place");
    assertTrue(Cli.ok("nics", sample).contains(MAC));
    Cli.ok("undo", sample);
    assertArrayEquals(original, Files.readAllBytes(sample));
    Cli again = Cli.run("undo", sample);
    assertEquals(1, again.status());
    assertTrue(again.err().contains("nothing to undo"), again.err());
  }

  @Test
  void dryRunReportsAndWritesNothing() throws Exception {
    JsonNode report =
        new ObjectMapper().readTree(Cli.ok("set", sample, "cpu[0]/rbx=7", "--dry-run", "--json"));
    assertEquals("cpu[0]/env.regs[3]", report.at("/fields/0/path").asText());
    assertEquals("0000000000000007", report.at("/fields/0/after").asText());
    assertArrayEquals(original, Files.readAllBytes(sample));
    assertEquals(List.of("vm.mig"), names());
  }

  @Test
  void aFailedCommandSaysWhyInOneLineAndLeavesNothingBehind() throws Exception {
    List<Cli> failures = new ArrayList<>();
    failures.add(Cli.run("set", sample, "i8259[1]/imr=256", "-o", fresh));
    failures.add(Cli.run("set", sample, "no/such/thing=1", "-o", fresh));
    failures.add(Cli.run("set", sample, "cpu[0]/rax=1", "cpu[0]/env.regs[0]=2", "-o", fresh));
    failures.add(Cli.run("set", sample, "cpu[0]/rax=1", "-o", directory.resolve("no/dir")));
    failures.add(Cli.run("set", sample, "cpu[0]/rax=1", "-o", sample));
    failures.add(Cli.run("set-mac", sample, "rtl8139", MAC, "-o", fresh));
    failures.add(Cli.run("inject", directory, "-o", fresh));
    failures.add(Cli.run("info", directory));
    failures.add(Cli.run("info", directory.resolve("missing")));
    for (Cli failure : failures) {
      assertEquals(1, failure.status(), failure.err());
      assertEquals("", failure.out());
      assertTrue(failure.err().startsWith("vmstate: "), failure.err());
      assertEquals(1, failure.err().lines().count(), failure.err());
      assertFalse(failure.err().contains("internal error"), failure.err());
    }
    assertEquals(List.of("vm.mig"), names());
  }

  @Test
  void whatIsNotThereIsSaidWithTheFileItIsNotIn() throws Exception {
    List<Cli> failures = new ArrayList<>();
    failures.add(Cli.run("get", sample, "no/such/thing"));
    failures.add(Cli.run("get", sample, "i8259/such"));
    failures.add(Cli.run("set", sample, "i8259/such=1", "-o", fresh));
    failures.add(Cli.run("set-mac", sample, "rtl8139", MAC, "-o", fresh));
    failures.add(Cli.run("get", sample, "cpu[9]/rip"));
    for (Cli failure : failures) {
      assertEquals(1, failure.status(), failure.err());
      assertTrue(failure.err().startsWith("vmstate: " + sample + ": no "), failure.err());
    }
    assertTrue(
        failures.get(4).err().endsWith("no CPU 9: the snapshot has CPU 0 alone\n"),
        failures.get(4).err());
  }

  @Test
  void aDeviceIsPrintedAsTheListOfItsFields() throws Exception {
    List<String> lines = Cli.ok("get", sample, "0000:00:02.0/e1000").lines().toList();
    assertTrue(lines.contains("0000:00:02.0/e1000/eeprom_data (64 x uint16)"), lines::toString);
    assertTrue(lines.contains("0000:00:02.0/e1000/tx.data (65536 bytes)"), lines::toString);
    assertTrue(lines.stream().allMatch(line -> line.length() < 200), lines::toString);
    String scalar = lines.stream().filter(line -> line.contains("=")).findFirst().orElseThrow();
    assertEquals(scalar + "\n", Cli.ok("get", sample, scalar.split("=")[0]));
    JsonNode json =
        new ObjectMapper().readTree(Cli.ok("get", sample, "i8259[1]", "--json")).path("i8259[1]");
    assertEquals(
        Cli.ok("get", sample, "i8259[1]/imr"),
        "i8259[1]/imr=" + json.path("i8259[1]/imr").asText() + "\n");
  }

  @Test
  void wrongUsageIsStatusTwo() {
    List<Cli> usages =
        List.of(
            Cli.run(),
            Cli.run("no-such-command"),
            Cli.run("info"),
            Cli.run("extract", sample),
            Cli.run("set", sample, "cpu[0]/rax=1"),
            Cli.run("set", sample, "cpu[0]/rax", "-o", fresh),
            Cli.run("set", sample, "cpu[0]/rax=1", "-o", fresh, "--in-place"),
            Cli.run("set-mac", sample, "e1000", "53:54:00:12:34:56", "-o", fresh),
            Cli.run("set-mac", sample, "e1000", "12:34", "-o", fresh),
            Cli.run("memory-map", sample, "--below-4g", "12Q"),
            Cli.run("inject", sample, "-o", fresh));
    for (Cli usage : usages) {
      assertEquals(2, usage.status(), usage.err());
      assertTrue(usage.err().startsWith("vmstate: "), usage.err());
    }
  }

  @Test
  void debugAddsTheStackTrace() throws Exception {
    Cli failure = Cli.run("--debug", "set", sample, "i8259[1]/imr=256", "-o", fresh);
    assertTrue(failure.err().contains("\tat dev.vmstate."), failure.err());
  }

  private static List<Integer> differing(byte[] a, byte[] b) {
    List<Integer> at = new ArrayList<>();
    for (int i = 0; i < a.length; i++) {
      if (a[i] != b[i]) {
        at.add(i);
      }
    }
    return at;
  }

  private List<String> names() throws Exception {
    try (var files = Files.list(directory)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }
}
