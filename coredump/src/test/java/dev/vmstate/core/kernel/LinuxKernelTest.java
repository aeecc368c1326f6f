package dev.vmstate.core.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.Cpus;
import dev.vmstate.core.LinuxGuest;
import dev.vmstate.cpu.X86Cpu;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LinuxKernelTest {
  private static final X86Cpu REAL_MODE = Cpus.of(0, "rip=fff0 cr0=10");
  private final ArrayMemory ram = ArrayMemory.at(0, 0xa0000, 0x10_0000, 31 << 20);

  private static X86Cpu cpu(int index, boolean five, long cr3, String more) {
    return Cpus.of(
        index,
        "rip=0 cr0=80000001 efer=500 cr4=%s cr3=%x %s".formatted(five ? "1020" : "20", cr3, more));
  }

  private static void assertSays(String expected, LinuxKernel kernel) {
    assertTrue(
        kernel.evidence().stream().anyMatch(line -> line.contains(expected)),
        () -> expected + " in " + kernel.evidence());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theTablesOfACpuLeadToTheImage(boolean five) throws Exception {
    LinuxGuest guest = new LinuxGuest(ram, five, 0x60_0000, 0x1c0_0000).banner(LinuxGuest.RELEASE);
    LinuxKernel kernel =
        LinuxKernel.find(ram, List.of(REAL_MODE, cpu(1, five, guest.root(), ""))).orElseThrow();
    assertEquals(guest.start(), kernel.image().start());
    assertEquals(4 << 20, kernel.image().bytes());
    assertEquals(0x1c0_0000, kernel.kernelOffset());
    assertEquals(guest.physBase(), kernel.physBase());
    assertEquals(OptionalLong.of(guest.pageOffset()), kernel.pageOffsetBase());
    assertEquals(five ? 5 : 4, kernel.levels());
    assertEquals("6.1.0-test", kernel.release());
    assertTrue(kernel.banner().endsWith("#1 SMP a day in May"), kernel.banner());
    assertSays("CPU 1: CR3", kernel);
    assertSays("CPU 0 has paging off (real mode)", kernel);
  }

  @Test
  void anImageThatDoesNotSayItIsLinuxIsNone() throws Exception {
    LinuxGuest guest = new LinuxGuest(ram, false, 0x60_0000, 0);
    ram.bytes(0x60_1000, "Linux version %s (built) by\n".getBytes(StandardCharsets.US_ASCII));
    assertEquals(Optional.empty(), LinuxKernel.find(ram, List.of(cpu(0, false, guest.root(), ""))));
  }

  @Test
  void anotherSystemThatRunsIsNotSearchedForAnOldLinux() throws Exception {
    new LinuxGuest(ram, false, 0x60_0000, 0).banner(LinuxGuest.RELEASE);
    LinuxGuest other = new LinuxGuest(ram, false, 0x120_0000, 0x20_0000);
    String lstar = "lstar=%x".formatted(other.start() + 0x80);
    assertEquals(
        Optional.empty(), LinuxKernel.find(ram, List.of(cpu(0, false, other.root(), lstar))));
  }
}
