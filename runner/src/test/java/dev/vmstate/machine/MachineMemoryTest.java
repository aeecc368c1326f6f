package dev.vmstate.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.fixtures.RequiredKvm;
import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** RAM: where it is, and in what file. */
@Timeout(60)
class MachineMemoryTest {
  @TempDir private Path dir;

  @BeforeAll
  static void kvm() throws IOException {
    RequiredKvm.require();
  }

  private static void assertHalts(TestMachine machine) throws Exception {
    StopReason reason = machine.go();
    assertEquals(StopReason.Kind.HALTED, reason.kind(), reason::toString);
  }

  @Test
  void memoryBeyondThreeGigabytesFollowsAtFour() throws Exception {
    // mov byte [0x100000000], 0x5a (rax); mov bl, [0x100000000]; hlt
    String code = "48b80000000001000000c6005a8a18f4";
    try (TestMachine machine =
        TestMachine.create(TestMachine.code(dir, BootMode.LONG64, code).withMemory(4L << 30), "")) {
      assertHalts(machine);
      assertEquals(0x5a, machine.register("rbx"));
    }
  }

  @Test
  void aMemoryFileIsMadeKeepsItsContentAndMustHaveTheSize() throws Exception {
    Path memory = dir.resolve("memory");
    MachineOptions options = TestMachine.guest(dir, GuestProgram.SIMPLE_SS).withMemoryFile(memory);
    try (TestMachine machine = TestMachine.create(options, "")) {
      assertHalts(machine);
    }
    byte[] first = Files.readAllBytes(memory);
    assertEquals(0x10000, first.length);
    String text = new String(first, 0x8000, 20, StandardCharsets.US_ASCII);
    assertEquals("written by the guest", text);
    first[0xf000] = 7;
    Files.write(memory, first);
    try (TestMachine machine = TestMachine.create(options, "")) {
      assertHalts(machine);
    }
    assertEquals(7, Files.readAllBytes(memory)[0xf000]);
    IOException e =
        assertThrows(IOException.class, () -> TestMachine.create(options.withMemory(0x20000), ""));
    assertTrue(e.getMessage().contains("0x10000 bytes"), e.getMessage());
  }
}
