package dev.vmstate.core.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.Cpus;
import dev.vmstate.core.LinuxGuest;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
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
  void whatIsKnownToBeZeroIsNotReadToFindTables() throws Exception {
    LinuxGuest guest = new LinuxGuest(ram, false, 0x60_0000, 0).banner(LinuxGuest.RELEASE);
    GuestMemory sparse =
        new GuestMemory() {
          @Override
          public MemoryMap map() {
            return ram.map();
          }

          @Override
          public boolean isZero(int block, long offset, long bytes) {
            return block == 1 && offset >= 16 << 20;
          }

          @Override
          public void readBlock(int block, long offset, ByteBuffer into) throws IOException {
            assertFalse(isZero(block, offset, into.remaining()), "read at " + offset);
            ram.readBlock(block, offset, into);
          }
        };
    LinuxKernel kernel = LinuxKernel.find(sparse, List.of(REAL_MODE)).orElseThrow();
    assertEquals(guest.start(), kernel.image().start());
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

  @Test
  void inUserCodeOfAPtiKernelTheTableBelowIsTheKernels() throws Exception {
    LinuxGuest guest = new LinuxGuest(ram, false, 0x60_0000, 0).banner(LinuxGuest.RELEASE);
    ram.u64(guest.root(), 0x8000 | 7 | 1L << 63).u64(guest.root() + 0x1000, 0x8000 | 7);
    ram.u64(guest.root() + 0x1000 + 8 * 511, 0x9000 | 3);
    LinuxKernel kernel =
        LinuxKernel.find(ram, List.of(cpu(0, false, guest.root() + 0x1000, ""))).orElseThrow();
    assertEquals(guest.start(), kernel.image().start());
    assertEquals(guest.root(), kernel.image().memory().tables().root());
    assertSays("a user copy", kernel);
  }

  @Test
  void whatRunsInSmmHasTheTablesOfItsOwnerInSmram() throws Exception {
    LinuxGuest guest = new LinuxGuest(ram, true, 0x60_0000, 0).banner(LinuxGuest.RELEASE);
    X86Cpu smm = Cpus.of(0, "rip=8000 cr0=10 hflags=80000 smbase=30000");
    assertTrue(LinuxKernel.find(ArrayMemory.at(0, 0xa0000), List.of(smm)).isEmpty());
    long state = 0x38000;
    ram.u32(state + 0x7efc, 0x2_0064).u32(state + 0x7f58, 0x8005_0033);
    ram.u64(state + 0x7f50, guest.root() | 1).u32(state + 0x7f48, 0x1020);
    ram.u64(state + 0x7ed0, 0xd01);
    assertSays("SMRAM", LinuxKernel.find(ram, List.of(smm)).orElseThrow());
    ram.u32(state + 0x7efc, 0x3_0004).u64(state + 0x7f50, 0);
    ram.u64(state + 0x7ff8, 0x8005_0033L).u64(state + 0x7ff0, guest.root());
    ram.u32(state + 0x7e40, 0x1020).u64(state + 0x7fe0, 0xd01);
    assertSays("SMRAM", LinuxKernel.find(ram, List.of(smm)).orElseThrow());
  }

  @Test
  void theHostOfAGuestThatRunsOnTheCpuIsTheOneThatRuns() throws Exception {
    LinuxGuest host = new LinuxGuest(ram, false, 0x60_0000, 0).banner(LinuxGuest.RELEASE);
    LinuxGuest inner = new LinuxGuest(ram, false, 0x120_0000, 0).banner("5.10.0-inner");
    ram.u64(0x5000 + 0x558, 0x8005_0033L).u64(0x5000 + 0x550, host.root());
    ram.u64(0x5000 + 0x548, 0x20).u64(0x5000 + 0x4d0, 0xd01);
    String guest = "hflags=200000 msr.AMD_VM_HSAVE_PA=5000";
    LinuxKernel kernel =
        LinuxKernel.find(ram, List.of(cpu(0, false, inner.root(), guest))).orElseThrow();
    assertEquals("6.1.0-test", kernel.release());
    assertSays("VMRUN", kernel);
  }

  @Test
  void aKernelThatNoCpuUsesIsPassedOver() throws Exception {
    new LinuxGuest(ram, false, 0x60_0000, 0).banner("5.10.0-before");
    LinuxGuest runs = new LinuxGuest(ram, false, 0x120_0000, 0x20_0000).banner("6.1.0-now");
    LinuxKernel kernel =
        LinuxKernel.find(ram, List.of(cpu(0, false, runs.root(), ""))).orElseThrow();
    assertEquals("6.1.0-now", kernel.release());
    assertEquals(runs.physBase(), kernel.physBase());
  }

  @Test
  void ofTwoKernelsWithCpusTheOneThatIsNotHaltedForGoodRuns() throws Exception {
    LinuxGuest crashed = new LinuxGuest(ram, false, 0x60_0000, 0).banner("5.10.0-crashed");
    LinuxGuest kdump = new LinuxGuest(ram, false, 0x120_0000, 0x20_0000).banner("6.1.0-kdump");
    List<X86Cpu> cpus =
        List.of(
            cpu(0, false, crashed.root(), "halted=1 rflags=2"),
            cpu(1, false, kdump.root(), "halted=1 rflags=202"));
    LinuxKernel kernel = LinuxKernel.find(ram, cpus).orElseThrow();
    assertEquals("6.1.0-kdump", kernel.release());
    assertSays("CPUs 0 have the tables of another one, 5.10.0-crashed", kernel);
  }

  @Test
  void entryPointsTellWhoseTablesTheyAre() throws Exception {
    LinuxGuest one = new LinuxGuest(ram, false, 0x60_0000, 0).banner("5.10.0-mapped");
    LinuxGuest two = new LinuxGuest(ram, false, 0x120_0000, 0x20_0000).banner("6.1.0-entered");
    List<X86Cpu> cpus =
        List.of(
            cpu(0, false, one.root(), "lstar=%x".formatted(one.pageOffset())),
            cpu(1, false, two.root(), "lstar=%x".formatted(two.start() + 0x40)));
    LinuxKernel kernel = LinuxKernel.find(ram, cpus).orElseThrow();
    assertEquals("6.1.0-entered", kernel.release());
    assertSays("Into its image point LSTAR", kernel);
    LinuxKernel first = LinuxKernel.find(ram, cpus.subList(0, 1)).orElseThrow();
    assertSays("entered elsewhere: LSTAR at 0x", first);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void withoutTablesOfACpuRamIsSearchedForTablesThatMapThemselves(boolean five) throws Exception {
    LinuxGuest guest = new LinuxGuest(ram, five, 0x60_0000, 0x1c0_0000).banner(LinuxGuest.RELEASE);
    LinuxKernel kernel = LinuxKernel.find(ram, List.of(REAL_MODE)).orElseThrow();
    assertEquals(guest.root(), kernel.image().memory().tables().root());
    assertEquals(five ? 5 : 4, kernel.levels());
    assertEquals(guest.physBase(), kernel.physBase());
    assertSays("RAM was searched", kernel);
  }

  @Test
  void firmwaresTablesAreNoKernels() throws Exception {
    LinuxGuest guest = new LinuxGuest(ram, false, 0x60_0000, 0).banner(LinuxGuest.RELEASE);
    ram.u64(0x1000, 0x2003).u64(0x2000, 0x83); // identity
    LinuxKernel kernel = LinuxKernel.find(ram, List.of(cpu(0, false, 0x1000, ""))).orElseThrow();
    assertEquals(guest.start(), kernel.image().start());
    assertSays("The tables of CPU 0, at 0x1000, map no Linux kernel", kernel);
  }

  @Test
  void aVmcoreinfoNamesTheTableEvenWhenNothingElseIsInIt() throws Exception {
    LinuxGuest guest = new LinuxGuest(ram, false, 0x60_0000, 0).banner(LinuxGuest.RELEASE);
    ram.u64(guest.root() + 8 * 273, 0); // no direct map: nothing that a search by shape knows
    assertTrue(LinuxKernel.find(ram, List.of(REAL_MODE)).isEmpty());
    guest.note(0x9000, guest.vmcoreinfo(LinuxGuest.RELEASE));
    assertSays("A VMCOREINFO of 6.1.0-test", LinuxKernel.find(ram, List.of()).orElseThrow());
  }

  @Test
  void tablesThatSayOtherAddressesThanTheirOwnAreAGuestsGuests() throws Exception {
    LinuxGuest inner = new LinuxGuest(ram, false, 0x120_0000, 0).banner(LinuxGuest.RELEASE);
    // What they call guest-physical 0x600000 is somebody else's memory, even if it says Linux.
    long pmd = inner.root() + 0x3000;
    ram.u64(pmd + 8 * 8, 0x60_0083).u64(pmd + 8 * 9, 0x80_0083);
    ram.bytes(0x60_0100, "Linux version 6.1 (a) (b) #1 SMP\n".getBytes(StandardCharsets.US_ASCII));
    assertEquals(Optional.empty(), LinuxKernel.find(ram, List.of(REAL_MODE)));
  }

  @Test
  void whereACpuHasTheTablesLittleOfRamIsRead() throws Exception {
    LinuxGuest guest = new LinuxGuest(ram, false, 0x60_0000, 0).banner(LinuxGuest.RELEASE);
    LinuxKernel.find(ram, List.of(cpu(0, false, guest.root(), "")));
    assertTrue(ram.reads() < 100, ram.reads() + " reads");
  }

  @Test
  void tablesOfAnyBytesEndInNoTimeAndInNoException() throws Exception {
    Random random = new Random(5);
    for (int round = 0; round < 60; round++) {
      ArrayMemory fuzzed = ArrayMemory.at(0, 0x20_0000);
      for (long at = 0; at < 0x4_0000; at += 8) {
        // Entries that are present and lead to a table among these, or are large, or are anything.
        long entry =
            switch (random.nextInt(4)) {
              case 0 -> random.nextLong();
              case 1 -> random.nextInt(0x40) << 12 | 0xe3;
              default -> random.nextInt(0x40) << 12 | 3;
            };
        fuzzed.u64(at, entry);
      }
      String cr4 = List.of("0", "10", "20", "1020").get(round % 4);
      X86Cpu cpu =
          Cpus.of(
              0,
              "rip=0 cr0=80000001 efer=%s cr4=%s cr3=%x lstar=%x idt.base=%x hflags=280000 smbase=%x"
                  .formatted(
                      round % 4 < 2 ? "0" : "500",
                      cr4,
                      random.nextInt(0x40) << 12,
                      random.nextLong(),
                      random.nextLong(),
                      random.nextInt(0x4_0000)));
      assertTimeoutPreemptively(
          Duration.ofSeconds(20),
          () -> assertTrue(LinuxKernel.find(fuzzed, List.of(cpu, REAL_MODE)).isEmpty()));
    }
  }
}
