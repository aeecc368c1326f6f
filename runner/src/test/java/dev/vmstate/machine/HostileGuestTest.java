package dev.vmstate.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.vmstate.fixtures.RequiredKvm;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Guests that crash, never end, or do what no guest should. */
@Timeout(120)
class HostileGuestTest {
  private static final Duration SOON = Duration.ofSeconds(20);

  @TempDir Path directory;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  @BeforeEach
  void kvm() throws Exception {
    RequiredKvm.require();
  }

  @ParameterizedTest
  @CsvSource({
    "PROTECTED32, 0f 0b", // ud2, and no IDT
    "LONG64, 0f 0b",
    "PROTECTED32, 0f 01 1d 00 20 00 00 cc", // lidt of zeros, int3
    "LONG64, 48 31 c0 0f 22 d8 90", // cr3 = 0: nothing is mapped any more
  })
  void aTripleFaultIsAShutdownWithRegisters(BootMode mode, String code) throws Exception {
    StopReason stop = end(Guests.code(directory, mode, code));
    // A host that emulates gives up on some before the processor would.
    assertTrue(
        stop.kind() == StopReason.Kind.SHUTDOWN || stop.kind() == StopReason.Kind.FAILED,
        stop::toString);
    saysWhere(stop, "rip");
  }

  @Test
  void anInstructionThatKvmCannotEmulateIsShown() throws Exception {
    assumeFalse(
        Files.exists(Path.of("/sys/module/kvm_intel"))
            || Files.exists(Path.of("/sys/module/kvm_amd")),
        "this host runs addps natively");
    // mov %cr4,%rax; or $0x600,%eax; mov %rax,%cr4; nop; addps %xmm1,%xmm0; hlt
    String code = "0f 20 e0 0d 00 06 00 00 0f 22 e0 90 0f 58 c1 f4";
    StopReason stop = end(Guests.code(directory, BootMode.LONG64, code));
    assertEquals(StopReason.Kind.FAILED, stop.kind(), stop::toString);
    saysWhere(stop, "0f 58 c1");
    saysWhere(stop, "100c");
  }

  @Test
  void aJumpToWhereNoMemoryIsFailsWithTheAddress() throws Exception {
    // ljmp $0x3000, $0x1234: 0x31234 + 64K of RAM
    StopReason stop = end(Guests.code(directory, BootMode.REAL16, "ea 34 12 00 30"));
    assertEquals(StopReason.Kind.FAILED, stop.kind(), stop::toString);
    saysWhere(stop, "1234");
  }

  @ParameterizedTest
  @CsvSource({
    "REAL16, eb fe", // jmp .
    "PROTECTED32, eb fe",
    "LONG64, eb fe",
    "REAL16, cd 90 f4", // int 0x90: KVM_RUN may never come back by itself
    "LONG64, 0f 01 c1 f4", // vmcall
    "REAL16, b8 00 d0 8e d8 a2 00 00 eb fb", // stores to 0xd0000 for ever
    "REAL16, e6 80 eb fc", // writes to port 0x80 for ever
    "REAL16, e4 80 eb fc", // reads
    "REAL16, b9 00 00 ba 80 00 31 f6 f3 6e eb f4", // rep outsb, all 64K
    "REAL16, ba f8 03 ec eb fd", // reads the silent serial port
    "REAL16, fb f4 eb fd", // sti; hlt; jmp
    "REAL16, fa f4 eb fd", // cli; hlt; jmp
  })
  void whateverAGuestDoesAPauseStopsItAndItGoesOn(BootMode mode, String code) throws Exception {
    for (boolean irqchip : new boolean[] {false, true}) {
      MachineOptions options = Guests.code(directory, mode, code).withIrqchip(irqchip);
      assertTimeoutPreemptively(
          SOON,
          () -> {
            RunOptions run = Guests.into(out, new PauseCondition.Duration(Duration.ofMillis(20)));
            try (MachineControl machine = Machine.create(options, run)) {
              for (int i = 0; i < 6 && machine.state() == MachineControl.State.PAUSED; i++) {
                machine.resume();
                if (i % 2 == 0) {
                  machine.await();
                } else {
                  machine.pause();
                }
              }
              for (MachineInfo.Vcpu vcpu : machine.info().vcpus()) {
                assertFalse(vcpu.registers().isEmpty(), vcpu::toString);
              }
            }
          });
    }
  }

  @ParameterizedTest
  @CsvSource({
    "REAL16, fb f4", // sti; hlt: nothing can come
    "REAL16, f4",
    "PROTECTED32, f4",
    "LONG64, f4",
  })
  void aHaltWithoutInterruptControllersIsTheEnd(BootMode mode, String code) throws Exception {
    StopReason stop = end(Guests.code(directory, mode, code));
    assertEquals(StopReason.Kind.HALTED, stop.kind(), stop::toString);
  }

  @Test
  void oneVcpuMayHaltWhileTheOtherSpins() throws Exception {
    // lock incb 0x2000; cmpb $2, 0x2000; je .; hlt
    String code = "f0 fe 05 00 20 00 00 80 3d 00 20 00 00 02 74 fe f4";
    MachineOptions options = Guests.code(directory, BootMode.PROTECTED32, code).withCpus(2);
    assertTimeoutPreemptively(
        SOON,
        () -> {
          try (MachineControl machine = Machine.create(options, Guests.into(out))) {
            machine.resume();
            machine.pause();
            assertEquals(2, machine.info().vcpus().size());
          }
        });
  }

  @ParameterizedTest
  @CsvSource({"ee", "66 ef", "ef", "ec", "66 ed", "ed"})
  void everyPortTakesEverySize(String instruction) throws Exception {
    // mov $0x3fd,%dx; in (%dx),%al: who polls, never waits at the receiver; xor %edx,%edx;
    // mov $0x5a5a5a5a,%eax; 1: OUT or IN; inc %dx; jz 2f; jmp 1b; 2: mov %al,0x20000000; jmp .
    String access = instruction.replace(" ", "");
    String back = "%02x".formatted(0x100 - (access.length() / 2 + 6));
    String code =
        "66bafd03 ec 31d2 b85a5a5a5a" + access + "6642 7402 eb" + back + "a200000020 ebfe";
    for (boolean irqchip : new boolean[] {false, true}) {
      MachineOptions options =
          Guests.code(directory, BootMode.PROTECTED32, code).withIrqchip(irqchip);
      AtomicLong exits = new AtomicLong();
      RunOptions run =
          Guests.into(out, new PauseCondition.MmioAddress(0x20000000))
              .withTrace((vcpu, kind, address, size, write, value) -> exits.incrementAndGet());
      assertTimeoutPreemptively(
          SOON,
          () -> {
            try (MachineControl machine = Machine.create(options, run)) {
              machine.resume();
              StopReason stop = machine.await();
              assertEquals(StopReason.Kind.CONDITION, stop.kind(), stop::toString);
              // with an irqchip some ports are the kernel's
              assertTrue(exits.get() > 60000, exits::toString);
            }
          });
    }
  }

  @ParameterizedTest
  @CsvSource({"fe", "ff", "00"})
  void mmioMayHangOverTheEndOfARange(String low) throws Exception {
    // mov $0xd000,%ax; mov %ax,%ds; movl $0x11223344, 0xLOW; mov 0xLOW,%eax; hlt
    String code = "b800d0 8ed8 66c706" + low + "0044332211 66a1" + low + "00 f4";
    MachineOptions options =
        Guests.code(directory, BootMode.REAL16, code).withMmio(new MmioRange(0xd0000, 0x100));
    StopReason stop = end(options);
    assertEquals(StopReason.Kind.HALTED, stop.kind(), stop::toString);
  }

  private StopReason end(MachineOptions options) throws Exception {
    return assertTimeoutPreemptively(
        SOON,
        () -> {
          try (MachineControl machine = Machine.create(options, Guests.into(out))) {
            machine.resume();
            StopReason stop = machine.await();
            assertFalse(stop.text().contains("\n"), stop::toString);
            assertEquals(MachineControl.State.ENDED, machine.state());
            assertFalse(machine.info().vcpus().get(0).registers().isEmpty());
            return stop;
          }
        });
  }

  private static void saysWhere(StopReason stop, String what) {
    List<String> details = stop.details();
    assertTrue(String.join("\n", details).contains(what), stop::toString);
  }
}
