package dev.vmstate.core.kdump;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.Cpus;
import dev.vmstate.cpu.X86Cpu;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A kernel whose image stands at physical 0x600000, linked for 0xffffffff81000000. */
class KernelImageTest {
  private static final long PHYS_BASE = 0x60_0000 - 0x120_0000;

  private final ArrayMemory memory = ArrayMemory.at(0, 0x80_0000);
  private final List<X86Cpu> cpus = List.of(Cpus.of(0, "rip=0"), Cpus.long4(1, 0x1000));

  /** PGD[511] → PUD[510] → PMD[9]: 2 MiB at 0xffffffff81200000. */
  KernelImageTest() {
    memory.u64(0x1000 + 511 * 8, 0x2003).u64(0x2000 + 510 * 8, 0x3003);
    memory.u64(0x3000 + 9 * 8, 0x60_0083);
    byte[] name = new byte[6 * 65];
    put(name, 0, "Linux");
    put(name, 1, "guest");
    put(name, 2, "6.1.0-test");
    put(name, 4, "x86_64");
    memory.bytes(0x60_0110, name);
  }

  private static void put(byte[] name, int field, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, name, 65 * field, bytes.length);
  }

  private static Vmcoreinfo info(String release, String more) {
    String text =
        "OSRELEASE=%s\nPAGESIZE=4096\nSYMBOL(_stext)=ffffffff81200000\n%s".formatted(release, more);
    byte[] page = Arrays.copyOf(text.getBytes(StandardCharsets.US_ASCII), 4096);
    return Vmcoreinfo.at(page, 0, 4096).orElseThrow();
  }

  private static Vmcoreinfo running() {
    return info(
        "6.1.0-test",
        "NUMBER(phys_base)=%d\nSYMBOL(init_uts_ns)=ffffffff81200100\nOFFSET(uts_namespace.name)=16\n"
            .formatted(PHYS_BASE));
  }

  @Test
  void physBaseComesFromThePageTables() throws IOException {
    KernelImage image = KernelImage.find(memory, cpus, List.of());
    assertEquals(PHYS_BASE, image.physBase());
    assertEquals("x86_64", image.utsname().machine());
    assertEquals("", image.utsname().release());
  }

  @Test
  void theVmcoreinfoOfTheKernelThatRunsIsTaken() throws IOException {
    Vmcoreinfo before = info("5.10.0-before", "NUMBER(phys_base)=0\n");
    KernelImage image = KernelImage.find(memory, cpus, List.of(before, running()));
    assertEquals("6.1.0-test", image.vmcoreinfo().orElseThrow().release());
    assertEquals("guest", image.utsname().nodename());
    assertEquals("6.1.0-test", image.utsname().release());
  }

  @Test
  void aKernelThatDoesNotSayItsPhysBaseIsKnownByItsText() throws IOException {
    Vmcoreinfo old = info("3.16.0-old", "");
    assertTrue(KernelImage.find(memory, cpus, List.of(old)).vmcoreinfo().isPresent());
    memory.u64(0x3000 + 9 * 8, 0).u64(0x3000 + 10 * 8, 0x60_0083);
    assertTrue(KernelImage.find(memory, cpus, List.of(old)).vmcoreinfo().isEmpty());
  }

  @Test
  void aNameThatIsNotTheReleasesIsNotBelieved() throws IOException {
    memory.bytes(0x60_0110 + 2 * 65, "7".getBytes(StandardCharsets.US_ASCII));
    KernelImage image = KernelImage.find(memory, cpus, List.of(running()));
    assertEquals("", image.utsname().nodename());
    assertEquals("6.1.0-test", image.utsname().release());
  }

  @Test
  void withoutPageTablesTheOnlyOneThereIsCounts() throws IOException {
    List<X86Cpu> none = List.of();
    KernelImage one = KernelImage.find(memory, none, List.of(running(), running()));
    assertEquals(PHYS_BASE, one.physBase());
    Vmcoreinfo other = info("5.10.0-before", "NUMBER(phys_base)=0\n");
    KernelImage two = KernelImage.find(memory, none, List.of(running(), other));
    assertTrue(two.vmcoreinfo().isEmpty());
    assertEquals(0, two.physBase());
  }
}
