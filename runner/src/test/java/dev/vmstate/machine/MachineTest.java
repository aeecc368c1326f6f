package dev.vmstate.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.fixtures.RequiredKvm;
import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Machines on the host's KVM: modes, exits, pauses, ends. */
@Timeout(60)
class MachineTest {
  /** 1: inc rax; jmp 1b. */
  private static final String SPIN64 = "48ffc0ebfb";

  /** mov ecx, 100000; 1: lock inc [0x4000]; dec ecx; jnz 1b; hlt. */
  private static final String LOCK_INC = "b9a0860100f0ff05004000004975f6f4";

  /** dx=0x3f8, si=text, cx=6; rep outsb; hlt; text: "abcdef". */
  private static final String REP_OUTS = "baf803be0d10b90600fcf36ef4616263646566";

  /** dx=0x3f8, di=0x2000, cx=9; rep insb; hlt. */
  private static final String REP_INS = "baf803bf0020b90900fcf36cf4";

  @TempDir private Path dir;

  @BeforeAll
  static void kvm() throws IOException {
    RequiredKvm.require();
  }

  private static void assertHalts(TestMachine machine) throws Exception {
    StopReason reason = machine.go();
    assertEquals(StopReason.Kind.HALTED, reason.kind(), reason::toString);
    assertEquals(MachineControl.State.ENDED, machine.control().state());
  }

  @Test
  void theSimpleGuestLeavesTheRegistersOfTheExperiment() throws Exception {
    try (TestMachine machine =
        TestMachine.create(TestMachine.guest(dir, GuestProgram.SIMPLE), "")) {
      assertHalts(machine);
      assertEquals("4\n", machine.printed());
      assertEquals(0x3f8, machine.register("rdx"));
      assertEquals(0x0a, machine.register("rax"));
      assertEquals(2, machine.register("rbx"));
      assertEquals(0x100c, machine.register("rip"));
      assertEquals(2, machine.register("rflags"));
    }
  }

  @Test
  void everyGuestPrintsWhatItsSourceSays() throws Exception {
    for (GuestProgram guest :
        List.of(GuestProgram.SWITCH, GuestProgram.SMP, GuestProgram.PVH, GuestProgram.MULTIBOOT)) {
      try (TestMachine machine = TestMachine.create(TestMachine.guest(dir, guest), "")) {
        assertHalts(machine);
        String expected =
            switch (guest) {
              case SWITCH -> "real\nprotected\nlong\n";
              case SMP -> "counter 000007d0\n";
              case PVH -> "pvh\nmemory 0000000000400000\n";
              default -> "multiboot\nupper memory 00000c00 KiB\n";
            };
        assertEquals(expected, machine.printed(), guest.toString());
      }
    }
  }

  @Test
  void exitsAreTraced() throws Exception {
    List<String> told = new ArrayList<>();
    ExitTrace trace =
        (vcpu, kind, address, size, write, value) ->
            told.add("%s 0x%x %d %s 0x%x".formatted(kind, address, size, write ? "w" : "r", value));
    try (TestMachine machine =
        TestMachine.create(TestMachine.guest(dir, GuestProgram.SIMPLE_MM), trace)) {
      assertHalts(machine);
    }
    assertEquals(
        List.of(
            "MMIO 0xd0000 1 w 0x11",
            "MMIO 0xd0002 2 w 0x2222",
            "MMIO 0xd0004 4 w 0x44444444",
            "MMIO 0xd0000 1 r 0x11",
            "MMIO 0xd0002 2 r 0x2222",
            "MMIO 0xd0004 4 r 0x44444444",
            "MMIO 0xd0008 2 r 0x0",
            "MMIO 0xd0008 2 w 0x1",
            "HLT 0x0 0 r 0x0"),
        told);
  }

  @Test
  void repeatedOutputComesInItsOrder() throws Exception {
    try (TestMachine machine =
        TestMachine.create(TestMachine.code(dir, BootMode.REAL16, REP_OUTS), "")) {
      assertHalts(machine);
      assertEquals("abcdef", machine.printed());
      assertEquals(0, machine.register("rcx"));
    }
  }

  @Test
  void repeatedInputWaitsForAllOfIt() throws Exception {
    Path memory = dir.resolve("memory");
    MachineOptions options = TestMachine.code(dir, BootMode.REAL16, REP_INS).withMemoryFile(memory);
    try (TestMachine machine = TestMachine.create(options, "123456789+")) {
      assertHalts(machine);
      assertEquals(0x2009, machine.register("rdi"));
    }
    byte[] ram = Files.readAllBytes(memory);
    assertEquals(
        "123456789\0",
        new String(Arrays.copyOfRange(ram, 0x2000, 0x200a), StandardCharsets.US_ASCII));
  }

  @Test
  void aGuestThatWaitsForInputCanBePausedAndGoesOnWithTheInput() throws Exception {
    try (PipedOutputStream keyboard = new PipedOutputStream();
        TestMachine machine =
            TestMachine.create(
                TestMachine.guest(dir, GuestProgram.SIMPLE_IN), new PipedInputStream(keyboard))) {
      for (int i = 0; i < 3; i++) {
        machine.control().resume();
        machine.control().pause();
        assertEquals(MachineControl.State.PAUSED, machine.control().state());
        assertTrue(machine.register("rip") <= 0x1003, "the IN is not done");
      }
      machine.control().resume();
      keyboard.write('3');
      keyboard.flush();
      assertEquals(StopReason.Kind.HALTED, machine.control().await().kind());
      assertEquals("5\n", machine.printed());
      assertEquals(6, machine.register("rflags") & 0xff);
    }
  }

  @Test
  void aSpinningGuestStandsWhenPauseReturnsAndGoesOn() throws Exception {
    try (TestMachine machine =
        TestMachine.create(TestMachine.code(dir, BootMode.LONG64, SPIN64), "")) {
      long last = 0;
      while (last < 1000) {
        machine.control().resume();
        machine.control().pause();
        long rax = machine.register("rax");
        assertTrue(rax >= last);
        assertEquals(rax, machine.register("rax"), "it stands");
        last = rax;
      }
      assertEquals(StopReason.Kind.REQUESTED, machine.control().await().kind());
    }
  }

  @Test
  void aGuestSpinningAtCpl3CanBePaused() throws Exception {
    try (TestMachine machine = TestMachine.create(TestMachine.guest(dir, GuestProgram.CPL3), "")) {
      long last = 0;
      while (last < 10_000_000) {
        machine.control().resume();
        machine.control().pause();
        long r12 = machine.register("r12");
        assertTrue(r12 >= last);
        last = r12;
      }
      assertEquals("long64", machine.control().info().vcpus().get(0).mode());
    }
  }

  @Test
  void twoVcpusLoseNoIncrementOverFiftyPauses() throws Exception {
    MachineOptions options =
        TestMachine.code(dir, BootMode.PROTECTED32, LOCK_INC)
            .withCpus(2)
            .withMemoryFile(dir.resolve("memory"));
    try (TestMachine machine = TestMachine.create(options, "")) {
      for (int i = 0; i < 50; i++) {
        machine.control().resume();
        machine.control().pause();
      }
      assertHalts(machine);
      for (var registers : machine.registers()) {
        assertEquals(0, registers.get("rcx"));
      }
      assertEquals(1, machine.registers().get(1).get("rdi"), "the vCPU's number");
    }
    byte[] ram = Files.readAllBytes(dir.resolve("memory"));
    int counter = ram[0x4000] & 0xff | (ram[0x4001] & 0xff) << 8 | (ram[0x4002] & 0xff) << 16;
    assertEquals(200_000, counter);
  }

  @Test
  void conditionsPauseWhereTheySay() throws Exception {
    try (TestMachine machine =
        TestMachine.create(
            TestMachine.guest(dir, GuestProgram.SIMPLE_MM),
            "",
            new PauseCondition.MmioAddress(0xd0003),
            new PauseCondition.Halt())) {
      StopReason store = machine.go();
      assertEquals(StopReason.Kind.CONDITION, store.kind());
      assertEquals("vCPU 0 stores to MMIO 0xd0002, 2 bytes", store.text());
      assertEquals(0, machine.register("rbx"));
      assertEquals("vCPU 0 is to load from MMIO 0xd0002, 2 bytes", machine.go().text());
      assertEquals(0, machine.register("rbx"), "the load is not done");
      assertEquals("vCPU 0 halts", machine.go().text());
      assertEquals(0x2222, machine.register("rbx"));
      assertEquals(0x1033, machine.register("rip"));
    }
  }

  @Test
  void exitsAndTimeAreConditions() throws Exception {
    try (TestMachine machine =
        TestMachine.create(
            TestMachine.guest(dir, GuestProgram.SIMPLE), "", new PauseCondition.ExitCount(2))) {
      assertEquals(StopReason.Kind.CONDITION, machine.go().kind());
      assertEquals(2, machine.control().info().exits());
      assertEquals("4", machine.printed(), "the second byte is held back");
      assertEquals(StopReason.Kind.HALTED, machine.go().kind());
    }
    try (TestMachine machine =
        TestMachine.create(
            TestMachine.code(dir, BootMode.LONG64, SPIN64),
            "",
            new PauseCondition.Duration(Duration.ofMillis(5)))) {
      assertEquals("ran for 0.005s", machine.go().text());
      assertEquals("ran for 0.005s", machine.go().text());
    }
  }

  @Test
  void aTripleFaultIsAShutdownWithRegistersAndTheBytesAtRip() throws Exception {
    try (TestMachine machine =
        TestMachine.create(TestMachine.code(dir, BootMode.LONG64, "900f0b"), "")) {
      StopReason reason = machine.go();
      assertEquals(StopReason.Kind.SHUTDOWN, reason.kind(), reason::toString);
      String details = String.join("\n", reason.details());
      assertTrue(details.contains("rip=0000000000001001"), details);
      assertTrue(details.contains("bytes at rip: 0f 0b"), details);
      assertThrows(IOException.class, machine.control()::resume);
    }
  }

  @Test
  void aJumpToWhereNothingIsIsAFailure() throws Exception {
    // mov eax, 0x40000000; jmp eax
    try (TestMachine machine =
        TestMachine.create(TestMachine.code(dir, BootMode.PROTECTED32, "b800000040ffe0"), "")) {
      StopReason reason = machine.go();
      assertEquals(StopReason.Kind.FAILED, reason.kind(), reason::toString);
      assertFalse(reason.text().contains("\n"));
      assertTrue(reason.details().contains("bytes at rip: 0x40000000 is no RAM"), reason::toString);
    }
  }

  @Test
  void nobodyAnswersWithOnes() throws Exception {
    // in al, 0x60; in eax, dx (0x1234); mov ebx, [0x40000000]; hlt
    String code = "e46089c166ba3412ed8b1d00000040f4";
    try (TestMachine machine =
        TestMachine.create(TestMachine.code(dir, BootMode.PROTECTED32, code), "")) {
      assertHalts(machine);
      assertEquals(0xff, machine.register("rcx"));
      assertEquals(0xffffffffL, machine.register("rax"));
      assertEquals(0xffffffffL, machine.register("rbx"));
    }
  }

  @Test
  void theDebugPortPrintsAndSaysThatItIsThere() throws Exception {
    // mov al, '!'; out 0xe9, al; in al, 0xe9; hlt
    try (TestMachine machine =
        TestMachine.create(TestMachine.code(dir, BootMode.REAL16, "b021e6e9e4e9f4"), "")) {
      assertHalts(machine);
      assertEquals("!", machine.printed());
      assertEquals(0xe9, machine.register("rax"));
    }
  }

  @Test
  void machinesThatCannotBeAreRefused() throws Exception {
    MachineOptions simple = TestMachine.guest(dir, GuestProgram.SIMPLE);
    List<MachineOptions> wrong =
        List.of(
            simple.withCpus(0),
            simple.withMemory(0x1001),
            simple.withRegister("rex", 1),
            simple.withMmio(new MmioRange(0xf000, 0x1000)),
            simple.withMmio(new MmioRange(0x20000, 2)).withMmio(new MmioRange(0x20001, 2)));
    for (MachineOptions options : wrong) {
      assertThrows(IllegalArgumentException.class, () -> TestMachine.create(options, ""));
    }
    assertThrows(
        IOException.class, () -> TestMachine.create(MachineOptions.of(dir.resolve("none")), ""));
  }

  @Test
  void aMachineThatIsClosedWhileItRunsLeavesNothingBehind() throws Exception {
    MachineOptions spin = TestMachine.code(dir, BootMode.LONG64, SPIN64);
    TestMachine.create(spin, "").close();
    String before = open();
    for (int i = 0; i < 20; i++) {
      TestMachine machine = TestMachine.create(spin.withIrqchip(i % 2 == 0), "");
      machine.control().resume();
      machine.close();
      assertEquals(StopReason.Kind.CLOSED, machine.control().awaitEnd().kind());
    }
    assertEquals(before, open());
    List<String> threads =
        Thread.getAllStackTraces().keySet().stream()
            .map(Thread::getName)
            .filter(name -> name.startsWith("vcpu-"))
            .collect(Collectors.toList());
    assertEquals(List.of(), threads);
  }

  /** KVM's descriptors and mappings of this process. */
  private static String open() throws IOException {
    List<String> found = new ArrayList<>();
    try (var descriptors = Files.list(Path.of("/proc/self/fd"))) {
      for (Path descriptor : descriptors.toList()) {
        try {
          String target = Files.readSymbolicLink(descriptor).toString();
          if (target.contains("kvm")) {
            found.add(target);
          }
        } catch (IOException e) {
          // The one that lists them is gone by now.
        }
      }
    }
    try (var maps = Files.lines(Path.of("/proc/self/maps"))) {
      maps.filter(line -> line.contains("kvm")).forEach(found::add);
    }
    return found.toString();
  }

  @Test
  void anEndedOrClosedMachineCannotGoOn() throws Exception {
    TestMachine machine = TestMachine.create(TestMachine.guest(dir, GuestProgram.SIMPLE), "");
    assertEquals(StopReason.Kind.READY, machine.control().await().kind());
    assertEquals(MachineControl.State.PAUSED, machine.control().state());
    assertHalts(machine);
    machine.control().pause();
    assertThrows(IOException.class, machine.control()::resume);
    machine.close();
    machine.close();
    assertThrows(IOException.class, () -> machine.control().snapshot(dir.resolve("s")));
    assertFalse(Files.exists(dir.resolve("s")));
    assertEquals(StopReason.Kind.HALTED, machine.control().awaitEnd().kind());
    assertTrue(machine.control().info().vcpus().get(0).registers().isEmpty());
  }
}
