package dev.vmstate.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.check.Check;
import dev.vmstate.check.Finding;
import dev.vmstate.check.Finding.Grade;
import dev.vmstate.device.FieldPath;
import dev.vmstate.fixtures.RequiredTool;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What is said beforehand against what the installed QEMU does. Every pair is a machine at
 * power-on, loaded into another.
 */
@Tag("qemu")
class LoadCheckTest {
  private static final QemuProgram PROGRAM = new QemuProgram(List.of("qemu-system-x86_64"));
  private static final List<String> MACHINE =
      List.of("-accel", "tcg", "-nodefaults", "-machine", "pc");
  private static final List<String> CARD = List.of("-device", "e1000,addr=02.0");

  @TempDir static Path dir;
  private static Path original;

  @BeforeAll
  static void makeSnapshot() throws IOException {
    RequiredTool.require("qemu-system-x86_64", "qemu-system-x86");
    original = dir.resolve("original.mig");
    List<String> words = new ArrayList<>(PROGRAM.words());
    words.addAll(MACHINE);
    words.addAll(CARD);
    words.addAll(List.of("-m", "16"));
    try (QemuProcess qemu = QemuProcess.startFresh(new QemuCommand(words))) {
      new LoadAndSave(qemu, Progress.NONE).save(original);
    }
  }

  private static LoadCheck check(Path file, boolean load, List<String> arguments)
      throws IOException {
    LoadCheck.Request request =
        new LoadCheck.Request(
            PROGRAM, Optional.empty(), Optional.empty(), OptionalLong.empty(), arguments, load);
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      return LoadCheck.of(snapshot, request, dir, Progress.NONE);
    }
  }

  private static List<String> with(String... more) {
    return Stream.concat(MACHINE.stream(), Stream.of(more)).toList();
  }

  private static List<Finding> errors(LoadCheck result) {
    return result.findings().stream().filter(f -> f.grade() == Grade.ERROR).toList();
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          the same machine          | -m 16 -device e1000,addr=02.0                    |
          an extra card             | -m 16 -device e1000,addr=02.0 -device e1000,addr=03.0 |
          another CPU               | -m 16 -device e1000,addr=02.0 -cpu Nehalem       |
          a CPU without an APIC     | -m 16 -device e1000,addr=02.0 -cpu 486           | apic
          no card                   | -m 16                                            | 0000:00:02.0/e1000
          another kind of card      | -m 16 -device rtl8139,addr=02.0                  | 0000:00:02.0/e1000
          a card of another model   | -m 16 -device e1000-82544gc,addr=02.0            | 0000:00:02.0/e1000
          the card elsewhere        | -m 16 -device e1000,addr=04.0                    | 0000:00:02.0/e1000
          less memory               | -m 15 -device e1000,addr=02.0                    | ram
          another machine           | -m 16 -device e1000,addr=02.0 -machine q35       | configuration
          an older machine          | -m 16 -device e1000,addr=02.0 -machine pc-i440fx-5.2 | configuration
          a machine nobody has      | -m 16 -device e1000,addr=02.0 -machine pc-i440fx-99.0 | configuration
          """)
  void whatIsSaidBeforehandIsWhatQemuDoes(String name, String more, String section)
      throws IOException {
    LoadCheck result = check(original, true, with(more.split(" +")));
    boolean took = result.load().orElseThrow().refused().isEmpty();
    assertEquals(took, Check.loads(result.findings()), result::toString);
    assertEquals(section == null, took, result::toString);
    assertEquals(took, result.loads());
    if (section != null) {
      Finding explained = result.load().orElseThrow().explained().orElseThrow();
      assertEquals(Grade.ERROR, explained.grade());
      assertTrue(
          errors(result).stream().anyMatch(f -> f.section().equals(section)), result::toString);
    }
    try (Stream<Path> left = Files.list(dir)) {
      assertTrue(left.noneMatch(file -> file.getFileName().toString().startsWith(".vmstate")));
    }
  }

  @Test
  void aMissingDeviceIsNamedWithTheCommandsThatHelp() throws IOException {
    List<Finding> errors = errors(check(original, false, with("-m", "16")));
    Finding section =
        errors.stream().filter(f -> f.section().endsWith("e1000")).findFirst().orElseThrow();
    assertTrue(section.reason().contains("add -device e1000,addr=0x02"), section::toString);
    assertEquals("drop-section", section.fix().orElseThrow().command());
    assertEquals(List.of("0000:00:02.0/e1000"), section.fix().orElseThrow().arguments());
  }

  @Test
  void aDeviceThatMovedIsRenamed() throws IOException {
    LoadCheck result = check(original, false, with("-m", "16", "-device", "e1000,addr=04.0"));
    List<String> fixes =
        errors(result).stream()
            .map(f -> f.fix().orElseThrow())
            .map(fix -> fix.command() + " " + String.join(" ", fix.arguments()))
            .toList();
    assertEquals(
        List.of(
            "rename-block 0000:00:02.0/e1000.rom 0000:00:04.0/e1000.rom",
            "rename-section 0000:00:02.0/e1000 0000:00:04.0/e1000"),
        fixes);
  }

  @Test
  void theMachineTypeIsSetToTheDestinations() throws IOException {
    LoadCheck result =
        check(
            original,
            false,
            with("-m", "16", "-device", "e1000,addr=02.0", "-machine", "pc-i440fx-5.2"));
    Finding machine = errors(result).get(0);
    assertEquals("configuration/machine", machine.path());
    assertEquals(List.of("machine=pc-i440fx-5.2"), machine.fix().orElseThrow().arguments());
  }

  @Test
  void withoutACommandLineTheBoardIsComparedAndTheRestIsNamed() throws IOException {
    LoadCheck result = check(original, false, List.of());
    assertTrue(result.loads(), result::toString);
    assertFalse(result.whole());
    Finding card =
        result.findings().stream()
            .filter(f -> f.section().endsWith("/e1000") && f.field().isEmpty())
            .findFirst()
            .orElseThrow();
    assertTrue(card.reason().contains("-device e1000,addr=0x02"), card::toString);
  }

  @Test
  void aFeatureTheModelLacksIsAWarning() throws IOException {
    // XCR0.AVX: as a guest that uses AVX leaves it
    byte[] bytes = Files.readAllBytes(original);
    try (StreamSnapshot snapshot = StreamSnapshot.open(original)) {
      var field = FieldPath.find(snapshot.devices(), "cpu[0]/env.xcr0");
      bytes[(int) field.span().end() - 1] |= 7;
    }
    Path avx = Files.write(dir.resolve("avx.mig"), bytes);
    List<String> arguments = with("-m", "16", "-device", "e1000,addr=02.0", "-cpu", "qemu64");
    LoadCheck result = check(avx, true, arguments);
    assertTrue(result.loads(), result::toString);
    Finding warning =
        result.findings().stream().filter(f -> f.section().equals("cpu")).findFirst().orElseThrow();
    assertEquals(Grade.WARNING, warning.grade());
    assertTrue(warning.reason().contains("avx"), warning::toString);
  }
}
