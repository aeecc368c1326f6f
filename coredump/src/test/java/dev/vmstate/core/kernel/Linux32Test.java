package dev.vmstate.core.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.Cpus;
import dev.vmstate.cpu.X86Cpu;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** i386: code and constants read-only from 20 to 24 MiB, all 32 MiB mapped from 3 GiB on. */
class Linux32Test {
  private static final long ROOT = 0x180_0000;
  private static final int WRITABLE = 0x83;
  private static final int CONSTANT = 0x81;
  private final ArrayMemory ram = ArrayMemory.at(0, 32 << 20);

  private void banner() {
    ram.bytes(
        0x152_3450,
        "Linux version 6.1.0-686 (me@here) (gcc 12) #1 SMP now\n"
            .getBytes(StandardCharsets.US_ASCII));
  }

  private void legacy() {
    for (int i = 0; i < 8; i++) {
      ram.u32(ROOT + 4L * (768 + i), i << 22 | (i == 5 ? CONSTANT : WRITABLE));
    }
  }

  private void pae() {
    ram.u64(ROOT + 8 * 3, (ROOT + 0x4000) | 1);
    for (int i = 0; i < 16; i++) {
      ram.u64(ROOT + 0x4000 + 8L * i, (long) i << 21 | (i == 10 || i == 11 ? CONSTANT : WRITABLE));
    }
  }

  private static X86Cpu cpu(String cr4, long cr3) {
    return Cpus.of(0, "rip=0 cr0=80000001 efer=0 cr4=%s cr3=%x".formatted(cr4, cr3));
  }

  private void assertFound(int levels, LinuxKernel kernel) {
    assertEquals(0xc140_0000L, kernel.image().start());
    assertEquals(0xc200_0000L, kernel.image().end());
    assertEquals(0x40_0000, kernel.kernelOffset());
    assertEquals(0, kernel.physBase());
    assertEquals(OptionalLong.of(0xc000_0000L), kernel.pageOffsetBase());
    assertEquals("6.1.0-686", kernel.release());
    assertEquals(levels, kernel.levels());
  }

  @Test
  void twoLevels() throws Exception {
    legacy();
    banner();
    assertFound(2, LinuxKernel.find(ram, List.of(cpu("10", ROOT))).orElseThrow());
  }

  @Test
  void pageAddressExtension() throws Exception {
    pae();
    banner();
    assertFound(3, LinuxKernel.find(ram, List.of(cpu("20", ROOT))).orElseThrow());
  }

  @Test
  void aUserCopyOfPageTableIsolationHasItsKernelsTableBelow() throws Exception {
    pae();
    banner();
    ram.u64(ROOT, 0x5001).u64(ROOT + 0x1000, 0x5001).u64(ROOT + 0x1000 + 8 * 3, 0x6001);
    assertFound(3, LinuxKernel.find(ram, List.of(cpu("20", ROOT + 0x1000))).orElseThrow());
    // Another process's table, which only happens to be the next page, is left alone.
    ram.u64(ROOT, 0x7001);
    assertTrue(
        LinuxKernel.find(ram, List.of(cpu("20", ROOT + 0x1000)))
            .orElseThrow()
            .evidence()
            .get(0)
            .contains("map no Linux"));
  }

  @Test
  void inRealModeBothKindsAreFoundByMappingThemselves() throws Exception {
    legacy();
    banner();
    List<X86Cpu> real = List.of(Cpus.of(0, "rip=fff0 cr0=10"));
    assertFound(2, LinuxKernel.find(ram, real).orElseThrow());
    for (int i = 0; i < 8; i++) {
      ram.u32(ROOT + 4L * (768 + i), 0);
    }
    assertTrue(LinuxKernel.find(ram, real).isEmpty());
    pae();
    assertFound(3, LinuxKernel.find(ram, real).orElseThrow());
  }

  @Test
  void anotherSystemIsNone() throws Exception {
    legacy();
    assertTrue(LinuxKernel.find(ram, List.of(cpu("10", ROOT))).isEmpty());
  }
}
