package dev.vmstate.dump;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.cpu.CpuMode;
import dev.vmstate.fixtures.ElfCoreBuilder;
import dev.vmstate.fixtures.KdumpBuilder;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** ELF cores as memory and CPUs. */
class ElfDumpTest {
  private static final int PAGE = 4096;

  private static byte[] noise(int bytes) {
    byte[] noise = new byte[bytes];
    new Random(bytes).nextBytes(noise);
    return noise;
  }

  @Test
  void aRangeOfAddressesIsABlock() throws IOException {
    byte[] low = noise(2 * PAGE);
    byte[] high = noise(PAGE);
    byte[] zeros = new byte[3 * PAGE];
    byte[] file =
        ElfCoreBuilder.x86()
            .note("CORE", 1, new byte[336])
            .note("QEMU", 0, ElfCoreBuilder.qemuCpu(0xffff_ffff_8100_0000L, 0x3000))
            .load(0, low)
            .load(0x10_0000, zeros)
            .load(0x1_0000_0000L, high)
            .bytes();
    Dump dump = Dumps.open(file);
    assertEquals(
        List.of(
            "0x0-0x2000 physical@0x0",
            "0x100000-0x103000 physical@0x100000",
            "0x100000000-0x100001000 physical@0x100000000"),
        Dumps.ranges(dump));
    assertArrayEquals(low, Dumps.read(dump, 0, low.length));
    assertArrayEquals(high, Dumps.read(dump, 0x1_0000_0000L, high.length));
    assertEquals(
        Map.of(
            0L,
            'D',
            0x1000L,
            'D',
            0x10_0000L,
            'Z',
            0x10_1000L,
            'Z',
            0x10_2000L,
            'Z',
            0x1_0000_0000L,
            'D'),
        Dumps.scan(dump));
    assertEquals("elf-core", dump.container());
    assertEquals("qemu", dump.vmm());
    assertEquals("x86_64", dump.arch());
    assertEquals(CpuMode.LONG64, dump.cpus().get(0).mode());
    assertEquals(0x3000, dump.cpus().get(0).get("cr3"));
  }

  @Test
  void rangesThatTouchAreOneHoweverTheyStandInTheFile() throws IOException {
    byte[] first = noise(PAGE);
    byte[] second = noise(2 * PAGE);
    Dump dump = Dumps.open(ElfCoreBuilder.x86().load(PAGE, second).load(0, first).bytes());
    assertEquals(List.of("0x0-0x3000 physical@0x0"), Dumps.ranges(dump));
    byte[] all = Dumps.read(dump, 0, 3 * PAGE);
    assertArrayEquals(first, Arrays.copyOf(all, PAGE));
    assertArrayEquals(second, Arrays.copyOfRange(all, PAGE, 3 * PAGE));
  }

  @Test
  void memoryWithSeveralVirtualAddressesIsThereOnce() throws IOException {
    byte[] ram = noise(4 * PAGE);
    byte[] file =
        ElfCoreBuilder.x86()
            .load(0xffff_8880_0000_0000L, 0, ram, ram.length)
            .alias(0xffff_ffff_8100_0000L, 0, PAGE, PAGE)
            .alias(0x7fff_0000_0000L, 0, 3 * PAGE, PAGE)
            .bytes();
    Dump dump = Dumps.open(file);
    assertEquals(List.of("0x0-0x4000 physical@0x0"), Dumps.ranges(dump));
    assertArrayEquals(ram, Dumps.read(dump, 0, ram.length));
  }

  @Test
  void memoryWhoseContentWasLeftOutIsAbsentAndReadsAsZeros() throws IOException {
    byte[] content = noise(PAGE + 100);
    Dump dump = Dumps.open(ElfCoreBuilder.x86().load(0, 0, content, 4 * PAGE).bytes());
    assertEquals(List.of("0x0-0x4000 physical@0x0"), Dumps.ranges(dump));
    assertArrayEquals(Arrays.copyOf(content, 4 * PAGE), Dumps.read(dump, 0, 4 * PAGE));
    assertEquals(Map.of(0L, 'D', 0x1000L, 'D'), Dumps.scan(dump));
  }

  @Test
  void aPageMayEndInTheMiddle() throws IOException {
    byte[] content = noise(PAGE + 100);
    Dump dump = Dumps.open(ElfCoreBuilder.x86().load(0x5800, content).bytes());
    assertEquals(List.of("0x5800-0x6864 physical@0x5800"), Dumps.ranges(dump));
    assertEquals(Map.of(0x5800L, 'D', 0x6800L, 'D'), Dumps.scan(dump));
  }

  @Test
  void coresOfOtherProcessorsGiveTheirMemory() throws IOException {
    byte[] ram = noise(PAGE);
    Dump ppc =
        Dumps.open(
            new ElfCoreBuilder(false, ByteOrder.BIG_ENDIAN, 20)
                .note("CORE", 1, new byte[268])
                .load(0x8000_0000L, ram)
                .bytes());
    assertEquals("ppc", ppc.arch());
    assertEquals(List.of(), ppc.cpus());
    assertEquals("registers are read of x86 only", Dumps.fact(ppc, "cpus"));
    assertArrayEquals(ram, Dumps.read(ppc, 0x8000_0000L, PAGE));
    assertEquals(
        "aarch64",
        Dumps.open(new ElfCoreBuilder(true, ByteOrder.LITTLE_ENDIAN, 183).load(0, ram).bytes())
            .arch());
  }

  @Test
  void coresNobodyButTheKernelMadeHaveNoControlRegisters() throws IOException {
    byte[] status = new byte[336];
    status[112 + 16 * 8] = 0x42;
    Dump dump =
        Dumps.open(
            ElfCoreBuilder.x86()
                .note("CORE", 1, status)
                .note(
                    "VMCOREINFO",
                    0,
                    "OSRELEASE=6.1.0-test\nPAGESIZE=4096\n".getBytes(StandardCharsets.US_ASCII))
                .load(0, noise(PAGE))
                .bytes());
    assertEquals("unknown", dump.vmm());
    assertEquals(0x42, dump.cpus().get(0).get("rip"));
    assertEquals(CpuMode.UNKNOWN, dump.cpus().get(0).mode());
    assertEquals("35 bytes of kernel 6.1.0-test", Dumps.fact(dump, "VMCOREINFO"));
  }

  @Test
  void aMachineWhoseFirstCpuIsInRealModeHasTheOldMachineNumber() throws IOException {
    Dump dump =
        Dumps.open(
            new ElfCoreBuilder(true, ByteOrder.LITTLE_ENDIAN, 3)
                .note("CORE", 1, new byte[144])
                .note("QEMU", 0, ElfCoreBuilder.qemuCpu(0xfff0, 0))
                .load(0, noise(PAGE))
                .bytes());
    assertEquals("x86_64", dump.arch(), "the CPU of this note is in long mode");
    assertEquals(0xfff0, dump.cpus().get(0).get("rip"));
  }

  @Test
  void theFlattenedFormIsReadToo() throws IOException {
    byte[] ram = noise(5 * PAGE);
    byte[] core = ElfCoreBuilder.x86().load(0, ram).bytes();
    Dump dump = Dumps.open(KdumpBuilder.flattened(core, 1000));
    assertEquals("flattened", Dumps.fact(dump, "form"));
    assertArrayEquals(ram, Dumps.read(dump, 0, ram.length));
  }

  @Test
  void theCoreOfAProgramIsRefused() {
    byte[] program =
        ElfCoreBuilder.x86()
            .load(0x40_0000, 0, noise(PAGE), PAGE)
            .load(0x7fff_0000_0000L, 0, noise(PAGE), PAGE)
            .bytes();
    UnsupportedFormatException e =
        assertThrows(UnsupportedFormatException.class, () -> Dumps.open(program));
    assertTrue(e.getMessage().contains("the core of a program"), e.getMessage());
    byte[] withAuxv = ElfCoreBuilder.x86().note("CORE", 6, new byte[16]).load(0, noise(9)).bytes();
    assertThrows(UnsupportedFormatException.class, () -> Dumps.open(withAuxv));
  }

  @Test
  void aCoreWithoutMemoryIsRefused() {
    IOException e = assertThrows(IOException.class, () -> Dumps.open(ElfCoreBuilder.x86().bytes()));
    assertTrue(e.getMessage().contains("holds no memory"), e.getMessage());
  }
}
