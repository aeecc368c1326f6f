package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Edits of a CPU's registers and what follows from them, on a stream that a real QEMU made. */
class CpuEditTest {
  @TempDir Path directory;
  private Path sample;
  private Path fresh;

  @BeforeEach
  void unpack() throws Exception {
    sample = Cli.sample(directory);
    fresh = directory.resolve("new.mig");
  }

  private String get(Path snapshot, String path) {
    String line = Cli.ok("get", snapshot, path).strip();
    return line.substring(line.indexOf('=') + 1).split(" \\[")[0];
  }

  @Test
  void hiddenFlagsFollowWhatTheyRepeat() {
    assertEquals("0x40c2b0", get(sample, "cpu[0]/hflags")); // OSFXSR CS64 LMA MP PE SS32 CS32
    String report = Cli.ok("set", sample, "cpu[0]/cr0=+EM|-MP", "-o", fresh);
    assertTrue(report.contains("follows from cr0"), report);
    assertEquals("0x40c4b0", get(fresh, "cpu[0]/hflags"));
    assertEquals("0x80000015", get(fresh, "cpu[0]/cr0"));
    report = Cli.ok("set", sample, "cpu[0]/cs.flags=0xcf9b00", "cpu[0]/efer=0", "-o", fresh);
    assertTrue(report.contains("follows from efer, cs.flags"), report);
    assertEquals("0x4002b0", get(fresh, "cpu[0]/hflags"));
    assertEquals(
        "protected32", Cli.ok("cpus", fresh).lines().findFirst().orElse("").split("[()]")[1]);
  }

  @Test
  void hiddenFlagsThatAreEditedThemselvesAreLeftAlone() {
    Cli.ok("set", sample, "cpu[0]/cr0=+EM", "cpu[0]/hflags=0x40c2b1", "-o", fresh);
    assertEquals("0x40c2b1", get(fresh, "cpu[0]/hflags"));
  }

  @Test
  void haltedIsSetWhereTcgAndWhereKvmLooks() {
    String report = Cli.ok("set", sample, "cpu[0]/halted=1", "-o", fresh);
    assertTrue(report.contains("cpu_common/halted") && report.contains("env.mp_state"), report);
    assertEquals("1", get(fresh, "cpu_common/halted"));
    assertEquals("3", get(fresh, "cpu[0]/env.mp_state"));
    Path again = directory.resolve("again.mig");
    Cli.ok("set", fresh, "cpu[0]/halted=0", "-o", again);
    assertEquals("0", get(again, "cpu_common/halted"));
    assertEquals("0x0", get(again, "cpu[0]/mp_state"));
  }

  @Test
  void valuesThatDoNotFitAreRefused() {
    for (String wrong :
        new String[] {
          "cpu[0]/cr8=16",
          "cpu[0]/xmm0=0x1" + "0".repeat(32),
          "cpu[0]/st0=-1",
          "cpu[0]/cr0=+XX",
          "cpu[0]/interrupt_injected=2147483648",
          "cpu[0]/rax=0x-1",
          "cpu[0]/apic.current_count=1"
        }) {
      Cli cli = Cli.run("set", sample, wrong, "-o", fresh);
      assertEquals(1, cli.status(), wrong);
      assertTrue(cli.err().contains(wrong.substring(0, wrong.indexOf('='))), cli.err());
      assertEquals(1, cli.err().lines().count(), cli.err());
      assertFalse(Files.exists(fresh), wrong);
    }
  }

  @Test
  void xmlShowsBitsAndViewsAndTakesEditsOfEither() throws Exception {
    Cli.ok("set", sample, "cpu[0]/ymm1=0x123456789abcdef0123456789abcdef01", "-o", fresh);
    Path vm = directory.resolve("vm");
    Cli.ok("extract", fresh, "--core", "none", "-o", vm, "-q");
    Path xml = vm.resolve("hardware.xml");
    String before = Files.readString(xml);
    assertTrue(
        before.contains("<register name=\"ymm1\" value=\"0x123456789abcdef0123456789abcdef01\"/>"),
        before.substring(0, 8000));
    assertFalse(before.contains("<register name=\"xmm1\""));
    Path result = directory.resolve("result.mig");
    Cli.ok("inject", vm, "-o", result, "-q");
    assertEquals(-1, Files.mismatch(fresh, result));
    Files.delete(result);

    Files.writeString(
        xml,
        before
            .replace("value=\"0x123456789abcdef0123456789abcdef01\"", "value=\"0x77\"")
            .replace("bits=\"PE MP ET PG\"", "bits=\"PE|MP|TS|ET|PG\""));
    String report = Cli.ok("inject", vm, "-o", result);
    assertTrue(report.contains("hflags"), report);
    assertEquals("0x77", get(result, "cpu[0]/ymm1"));
    assertEquals("0x8000001b", get(result, "cpu[0]/cr0"));

    Files.writeString(
        xml,
        before.replace(
            "value=\"0x80000013\" bits=\"PE MP ET PG\"", "value=\"0x80000011\" bits=\"PE\""));
    Cli refused = Cli.run("inject", vm, "--dry-run");
    assertEquals(1, refused.status());
    assertTrue(refused.err().contains("change one of the two"), refused.err());
  }
}
