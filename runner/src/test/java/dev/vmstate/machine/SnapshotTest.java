package dev.vmstate.machine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.fixtures.RequiredKvm;
import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a machine does after it was saved and restored is what it does without. */
@Timeout(120)
class SnapshotTest {
  /**
   * At 0x2000ffe, where a page ends: a store, a load, inc, lock add and xchg of 4 bytes; a rep
   * movsb of 8 from 0x2000ffc to RAM; a load from 0x2800000, which nobody has.
   */
  private static final String MMIO =
      "b844332211a3fe0f00028b1dfe0f0002ff05fe0f0002f08305fe0f000210ba887766558715fe0f0002be"
          + "fc0f0002bf00300000b908000000fcf3a48b2d003000008b3500008002f4";

  private static final String REP_OUTS = "baf803be0d10b90600fcf36ef4616263646566";
  private static final String REP_INS = "baf803bf0020b90900fcf36cf4";
  private static final String LOCK_INC = "b9a0860100f0ff05004000004975f6f4";

  /**
   * Sets up the PIC and the port's interrupt; sti; hlt; at each interrupt writes what was received
   * plus one, ends the interrupt, and writes a blank (0x20) to port 0xe9.
   */
  private static final String SERIAL_IRQ =
      "fa31c08ed88ed0bc0080c70690003a10c70692000000b011e620b020e621b004e621b001e621b0efe621baf903"
          + "b001eebafc03b008eefbf4ebfcbaf803ecfec0eeb020e620e6e9cf";

  @TempDir private Path dir;

  @BeforeAll
  static void kvm() throws IOException {
    RequiredKvm.require();
  }

  /** What a run leaves: output and the registers of each vCPU. */
  private record Result(String printed, List<Map<String, Long>> registers) {}

  private static Result run(MachineOptions options, String input) throws Exception {
    try (TestMachine machine = TestMachine.create(options, input)) {
      assertEquals(StopReason.Kind.HALTED, machine.go().kind());
      return new Result(machine.printed(), machine.registers());
    }
  }

  /** From one exit to the next in a new machine each, until it ends. */
  private Result fromExitToExit(MachineOptions options, String input) throws Exception {
    StringBuilder printed = new StringBuilder();
    PauseCondition each = new PauseCondition.ExitCount(1);
    TestMachine machine = TestMachine.create(options, input, each);
    int steps = 0;
    try {
      while (machine.go().kind() == StopReason.Kind.CONDITION) {
        Path snapshot = dir.resolve("step" + steps++);
        machine.control().snapshot(snapshot);
        printed.append(machine.printed());
        machine.close();
        // Input at which it stands is passed: the next pause is at another exit.
        machine = TestMachine.restore(snapshot, input, each);
      }
      assertEquals(StopReason.Kind.HALTED, machine.control().await().kind());
      assertTrue(steps > 0, "no step");
      return new Result(printed + machine.printed(), machine.registers());
    } finally {
      machine.close();
    }
  }

  @Test
  void theSimpleGuestPrintsFourEachTimeItIsResumed() throws Exception {
    Path snapshot = dir.resolve("snapshot");
    try (TestMachine machine =
        TestMachine.create(
            TestMachine.guest(dir, GuestProgram.SIMPLE), "", new PauseCondition.IoPort(0x3f8))) {
      machine.go();
      machine.control().snapshot(snapshot);
      assertEquals("", machine.printed());
    }
    for (int i = 0; i < 2; i++) {
      try (TestMachine machine = TestMachine.restore(snapshot, "")) {
        assertEquals(MachineControl.State.PAUSED, machine.control().state());
        machine.go();
        assertEquals("4\n", machine.printed());
        assertEquals(0x100c, machine.register("rip"));
      }
    }
  }

  @Test
  void everyExitOfEveryKindOfGuestCanBeASnapshot() throws Exception {
    List<MachineOptions> guests = new ArrayList<>();
    for (GuestProgram guest :
        List.of(
            GuestProgram.SIMPLE,
            GuestProgram.SIMPLE_MM,
            GuestProgram.SWITCH,
            GuestProgram.MULTIBOOT)) {
      guests.add(TestMachine.guest(Files.createDirectory(dir.resolve(guest.name())), guest));
    }
    guests.add(TestMachine.guest(dir, GuestProgram.CPL3).withRegister("rdi", 3));
    for (MachineOptions options : guests) {
      assertSame(options, "");
    }
  }

  private void assertSame(MachineOptions options, String input) throws Exception {
    Result expected = run(options, input);
    Result stepped = fromExitToExit(options, input);
    assertEquals(expected, stepped, options.payload().toString());
    try (var steps = Files.newDirectoryStream(dir, "step*")) {
      for (Path step : steps) {
        try (var files = Files.newDirectoryStream(step)) {
          for (Path file : files) {
            Files.delete(file);
          }
        }
        Files.delete(step);
      }
    }
  }

  @Test
  void mmioThatCrossesAPageAndStringInstructionsCanBeSavedInTheirMiddle() throws Exception {
    MachineOptions mmio =
        TestMachine.code(dir, BootMode.PROTECTED32, MMIO)
            .withMmio(new MmioRange(0x2000000, 0x2000));
    Result result = run(mmio, "");
    Map<String, Long> registers = result.registers().get(0);
    assertEquals(0x11223344, registers.get("rbx"));
    assertEquals(0x11223355, registers.get("rdx"), "after inc and add 16, by xchg");
    assertEquals(0x77880000, registers.get("rbp"), "what rep movsb brought");
    assertEquals(0xffffffffL, registers.get("rsi"));
    assertSame(mmio, "");
  }

  @Test
  void repeatedOutputCanBeSavedInItsMiddle() throws Exception {
    assertSame(TestMachine.code(dir, BootMode.REAL16, REP_OUTS), "");
  }

  @Test
  void aGuestSavedAtItsInputReadsItAfterwards() throws Exception {
    for (String code : List.of(REP_INS, "baf803ec88c3ec88c7f4")) {
      Path snapshot = dir.resolve("input" + code.length());
      MachineOptions options =
          TestMachine.code(dir, BootMode.REAL16, code).withMemoryFile(dir.resolve("memory"));
      Result expected = run(options, "123456789");
      try (TestMachine machine =
          TestMachine.create(options, "", new PauseCondition.IoPort(0x3f8))) {
        StopReason reason = machine.go();
        assertTrue(reason.text().contains("is to read"), reason.text());
        machine.control().snapshot(snapshot);
      }
      for (int i = 0; i < 2; i++) {
        try (TestMachine machine = TestMachine.restore(snapshot, "123456789")) {
          assertEquals(StopReason.Kind.HALTED, machine.go().kind());
          assertEquals(expected.registers(), machine.registers());
        }
      }
    }
  }

  @Test
  void inputThatHadArrivedIsInTheSnapshot() throws Exception {
    Path snapshot = dir.resolve("snapshot");
    try (PipedOutputStream keyboard = new PipedOutputStream();
        TestMachine machine =
            TestMachine.create(
                TestMachine.code(dir, BootMode.REAL16, REP_INS), new PipedInputStream(keyboard))) {
      machine.control().resume();
      keyboard.write("1234".getBytes(StandardCharsets.US_ASCII));
      keyboard.flush();
      String state;
      int round = 0;
      do {
        // Bytes come to the port by a thread of its own: look again until they have.
        Path look = dir.resolve("look" + round++);
        machine.control().pause();
        machine.control().snapshot(look);
        state = Files.readString(look.resolve("state.json"));
        snapshot = look;
        machine.control().resume();
      } while (!state.contains("\"31") && !state.contains("\"rbr\": \"0x31\"")
          || !state.contains("323334"));
    }
    try (TestMachine machine = TestMachine.restore(snapshot, "56789")) {
      assertEquals(StopReason.Kind.HALTED, machine.go().kind());
      assertEquals(0x2009, machine.register("rdi"));
      machine.control().snapshot(dir.resolve("after"));
    }
    byte[] ram = Files.readAllBytes(dir.resolve("after").resolve("memory-ranges"));
    assertEquals("123456789", new String(ram, 0x2000, 9, StandardCharsets.US_ASCII));
    try (TestMachine machine = TestMachine.restore(dir.resolve("after"), "")) {
      assertEquals(StopReason.Kind.HALTED, machine.go().kind(), "it had halted");
    }
  }

  @Test
  void aSnapshotTakenWhileSpinningGoesOnFromThere() throws Exception {
    Path snapshot = dir.resolve("snapshot");
    long rax;
    try (TestMachine machine =
        TestMachine.create(TestMachine.code(dir, BootMode.LONG64, "48ffc0ebfb"), "")) {
      do {
        machine.control().resume();
        machine.control().pause();
        rax = machine.register("rax");
      } while (rax < 100);
      machine.control().snapshot(snapshot);
    }
    try (TestMachine machine = TestMachine.restore(snapshot, "")) {
      assertEquals(rax, machine.register("rax"));
      machine.control().resume();
      machine.control().pause();
      assertTrue(machine.register("rax") >= rax);
    }
  }

  @Test
  void twoVcpusGoOnFromASnapshotWithoutLosingAnIncrement() throws Exception {
    MachineOptions options = TestMachine.code(dir, BootMode.PROTECTED32, LOCK_INC).withCpus(2);
    TestMachine machine = TestMachine.create(options, "");
    int steps = 0;
    try {
      machine.control().resume();
      while (steps < 5 && machine.control().state() == MachineControl.State.RUNNING) {
        machine.control().pause();
        if (machine.control().state() != MachineControl.State.PAUSED) {
          break;
        }
        Path snapshot = dir.resolve("step" + steps++);
        machine.control().snapshot(snapshot);
        machine.close();
        machine = TestMachine.restore(snapshot, "");
        machine.control().resume();
      }
      assertEquals(StopReason.Kind.HALTED, machine.control().await().kind());
      Path last = dir.resolve("last");
      machine.control().snapshot(last);
      byte[] ram = Files.readAllBytes(last.resolve("memory-ranges"));
      int counter = ram[0x4000] & 0xff | (ram[0x4001] & 0xff) << 8 | (ram[0x4002] & 0xff) << 16;
      assertEquals(200_000, counter);
    } finally {
      machine.close();
    }
  }

  @Test
  void aHaltedVcpuStaysHaltedInARestoredMachine() throws Exception {
    // test edi, edi; jnz 2f; 1: inc eax; jmp 1b; 2: hlt; mov al, '!'; out 0xe9, al; jmp 2b
    String code = "85ff750340ebfdf4b021e6e9ebf9";
    Path snapshot = dir.resolve("snapshot");
    try (TestMachine machine =
        TestMachine.create(TestMachine.code(dir, BootMode.PROTECTED32, code).withCpus(2), "")) {
      do {
        machine.control().resume();
        machine.control().pause();
      } while (!machine.control().info().vcpus().get(1).halted());
      machine.control().snapshot(snapshot);
    }
    try (TestMachine machine = TestMachine.restore(snapshot, "")) {
      long rax = machine.register("rax");
      do {
        machine.control().resume();
        machine.control().pause();
      } while (machine.register("rax") < rax + 100);
      assertTrue(machine.control().info().vcpus().get(1).halted());
      assertEquals("", machine.printed());
    }
  }

  @Test
  void theTimerGoesOnTickingAfterEachRestore() throws Exception {
    PauseCondition dot = new PauseCondition.IoPort(0x3f8);
    PauseCondition end = new PauseCondition.IoPort(0xe9);
    TestMachine machine =
        TestMachine.create(TestMachine.guest(dir, GuestProgram.TICKS), "", dot, end);
    StringBuilder printed = new StringBuilder();
    int steps = 0;
    try {
      while (!machine.go().text().contains("port 0xe9")) {
        Path snapshot = dir.resolve("step" + steps++);
        machine.control().snapshot(snapshot);
        printed.append(machine.printed());
        machine.close();
        machine = TestMachine.restore(snapshot, "", dot, end);
      }
      // A dot for every tenth time it woke: with two ticks at once, which a busy host makes of late
      // ones, there are fewer. The ticks themselves are counted.
      String all = printed + machine.printed();
      assertTrue(all.matches("\\.{5,10} 100 ticks\n"), all);
      assertEquals(all.length(), steps);
    } finally {
      machine.close();
    }
  }

  @Test
  void receivedBytesInterruptTheGuestBeforeAndAfterARestore() throws Exception {
    PauseCondition done = new PauseCondition.IoPort(0xe9);
    MachineOptions options = TestMachine.code(dir, BootMode.REAL16, SERIAL_IRQ).withIrqchip(true);
    Path snapshot = dir.resolve("snapshot");
    try (TestMachine machine = TestMachine.create(options, "AB", done)) {
      machine.go();
      assertEquals("B", machine.printed());
      machine.control().snapshot(snapshot);
      machine.go();
      assertEquals("B C", machine.printed());
    }
    try (TestMachine machine = TestMachine.restore(snapshot, "XY", done)) {
      machine.go();
      StringBuilder seen = new StringBuilder(machine.printed());
      machine.go();
      assertTrue(
          machine.printed().equals(" C Y") || machine.printed().equals(" Y Z"),
          seen + ": the second byte had arrived, or had not");
    }
  }

  @Test
  void savingWhatWasJustRestoredGivesTheSameButForTheTimeStampCounter() throws Exception {
    Path first = dir.resolve("first");
    Path second = dir.resolve("second");
    try (TestMachine machine =
        TestMachine.create(
            TestMachine.guest(dir, GuestProgram.TICKS), "", new PauseCondition.IoPort(0x3f8))) {
      machine.go();
      machine.control().snapshot(first);
    }
    try (TestMachine machine = TestMachine.restore(first, "")) {
      machine.control().snapshot(second);
    }
    for (String file : List.of("config.json", "memory-ranges")) {
      assertArrayEquals(
          Files.readAllBytes(first.resolve(file)), Files.readAllBytes(second.resolve(file)), file);
    }
    List<String> a = Files.readAllLines(first.resolve("state.json"));
    List<String> b = Files.readAllLines(second.resolve("state.json"));
    assertEquals(a.size(), b.size());
    for (int i = 0; i < a.size(); i++) {
      if (!a.get(i).contains("\"index\": \"0x00000010\"")) {
        assertEquals(a.get(i), b.get(i));
      }
    }
  }

  @Test
  void theSnapshotIsNeverWritten() throws Exception {
    Path snapshot = dir.resolve("snapshot");
    try (TestMachine machine =
        TestMachine.create(TestMachine.guest(dir, GuestProgram.SIMPLE_SS), "")) {
      machine.control().snapshot(snapshot);
    }
    byte[] before = Files.readAllBytes(snapshot.resolve("memory-ranges"));
    try (TestMachine machine = TestMachine.restore(snapshot, "")) {
      assertEquals(StopReason.Kind.HALTED, machine.go().kind());
    }
    assertArrayEquals(before, Files.readAllBytes(snapshot.resolve("memory-ranges")));
  }

  @Test
  void aSnapshotDoesNotReplaceAnything() throws Exception {
    Path snapshot = Files.createDirectory(dir.resolve("snapshot"));
    try (TestMachine machine =
        TestMachine.create(TestMachine.guest(dir, GuestProgram.SIMPLE), "")) {
      assertThrows(IOException.class, () -> machine.control().snapshot(snapshot));
      assertEquals(MachineControl.State.PAUSED, machine.control().state());
      machine.control().snapshot(dir.resolve("another"));
    }
  }

  @Test
  void aStateThatDoesNotFitItsConfigurationIsRefused() throws Exception {
    Path snapshot = dir.resolve("snapshot");
    try (TestMachine machine =
        TestMachine.create(TestMachine.guest(dir, GuestProgram.SIMPLE), "")) {
      machine.control().snapshot(snapshot);
    }
    Path config = snapshot.resolve("config.json");
    String text = Files.readString(config);
    Files.writeString(
        config,
        text.replace("\"boot_vcpus\" : 1", "\"boot_vcpus\" : 2")
            .replace("\"max_vcpus\" : 1", "\"max_vcpus\" : 2"));
    FormatException missing =
        assertThrows(FormatException.class, () -> TestMachine.restore(snapshot, ""));
    assertTrue(missing.getMessage().contains("no state of vCPU 1"), missing.getMessage());
    Files.writeString(config, text.replace("\"irqchip\" : false", "\"irqchip\" : true"));
    assertThrows(FormatException.class, () -> TestMachine.restore(snapshot, ""));
    Files.writeString(config, text);
    Path memory = snapshot.resolve("memory-ranges");
    Files.write(memory, new byte[4096]);
    assertThrows(IOException.class, () -> TestMachine.restore(snapshot, ""));
  }
}
