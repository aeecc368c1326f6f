package dev.vmstate.core.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vmstate.core.Cpus;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.Elf;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CoreMachineTest {
  private static final X86Cpu REAL = Cpus.of(0, "rip=fff0 cr0=10");
  private static final X86Cpu LOADER = Cpus.of(0, "rip=8200 cr0=11");
  private static final X86Cpu PAGING = Cpus.of(1, "rip=c1000000 cr0=80000011 cr3=1000");
  private static final X86Cpu LONG = Cpus.long4(2, 0x1000);

  private static int machine(X86Cpu... cpus) {
    return CoreMachine.of(List.of(cpus), Optional.empty());
  }

  @Test
  void aKernelOfThirtyTwoBitsIsKnownByItsPaging() {
    assertEquals(Elf.EM_386, machine(PAGING));
    assertEquals(Elf.EM_386, machine(REAL, PAGING));
  }

  @Test
  void aGuestBeforeItsKernelIsLeftOpen() {
    assertEquals(Elf.EM_X86_64, machine(REAL));
    assertEquals(Elf.EM_X86_64, machine(LOADER));
    assertEquals(Elf.EM_X86_64, machine());
  }

  @Test
  void oneCpuInLongModeIsEnough() {
    assertEquals(Elf.EM_X86_64, machine(PAGING, LONG));
    assertEquals(Elf.EM_X86_64, machine(LONG));
  }
}
