package dev.vmstate.core.vmcoreinfo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.Cpus;
import dev.vmstate.core.LinuxGuest;
import dev.vmstate.core.kernel.LinuxKernel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class GuestVmcoreinfoTest {
  private final ArrayMemory ram = ArrayMemory.at(0, 16 << 20);
  private final LinuxGuest guest =
      new LinuxGuest(ram, false, 0x60_0000, 0x1c0_0000).banner(LinuxGuest.RELEASE);
  private final String text = guest.vmcoreinfo(LinuxGuest.RELEASE);

  private LinuxKernel kernel() throws Exception {
    return LinuxKernel.find(ram, List.of(Cpus.long4(0, guest.root()))).orElseThrow();
  }

  private static Optional<GuestVmcoreinfo> of(LinuxKernel kernel) throws Exception {
    return GuestVmcoreinfo.of(kernel, Optional.empty(), List.of());
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  @Test
  void theKernelsPointersLeadToItsNote() throws Exception {
    guest.note(0xb000, text);
    LinuxKernel kernel = kernel();
    int before = ram.reads();
    GuestVmcoreinfo found = of(kernel).orElseThrow();
    assertTrue(ram.reads() - before < 200, "RAM is not read from end to end");
    assertArrayEquals(ascii(text), found.info().bytes());
    assertEquals("at 0xb000, where the kernel has its note", found.how());
    Vmcoreinfo info = found.info();
    assertEquals(OptionalLong.of(64), info.size("page"));
    assertEquals(OptionalLong.of(6), info.length("free_area.free_list"));
    assertEquals(OptionalLong.of(0), info.offset("page.flags"));
    assertEquals(OptionalLong.of(0), info.number("pgtable_l5_enabled"));
    assertEquals(OptionalLong.of(0x1c0_0000), info.kernelOffset());
    assertEquals(OptionalLong.of(guest.physBase()), info.physBase());
    assertEquals(Optional.of("4096"), info.value("PAGESIZE"));
    assertTrue(info.number("PAGESIZE").isEmpty());
  }

  @Test
  void theTextAloneIsAsGood() throws Exception {
    ram.bytes(0xb000, ascii(text));
    guest.pointer(0xb000);
    assertEquals("at 0xb000, where the kernel has its text", of(kernel()).orElseThrow().how());
  }

  @Test
  void aNoteThatNothingPointsToIsFoundByALookAtEveryPage() throws Exception {
    guest.note(0xb000, text).pointer(0x3000);
    GuestVmcoreinfo found = of(kernel()).orElseThrow();
    assertArrayEquals(ascii(text), found.info().bytes());
    assertTrue(found.how().contains("every page"), found.how());
  }

  @Test
  void thoseOfOtherKernelsAreNotTaken() throws Exception {
    LinuxGuest before = new LinuxGuest(ram, false, 0xa0_0000, 0);
    for (String other :
        List.of(
            before.vmcoreinfo(LinuxGuest.RELEASE),
            guest.vmcoreinfo("5.10.0-other"),
            text.replace("phys_base)=-", "phys_base)=-1"),
            text.replaceAll("_stext\\)=\\w+", "_stext)=ffffffff81000000"))) {
      guest.note(0xb000, other);
      assertTrue(of(kernel()).isEmpty(), other);
      VmcoreinfoPages pages = new VmcoreinfoPages();
      pages.add(Vmcoreinfo.of(ascii(other)).orElseThrow());
      assertEquals(1, pages.others(kernel()).size());
      ram.bytes(0xb000, new byte[4096]);
    }
  }

  @Test
  void whatQemuWasToldIsAskedFirst() throws Exception {
    guest.note(0xb000, text).note(0xd000, text);
    Optional<VmcoreinfoDevice> device = Optional.of(new VmcoreinfoDevice(0xb000, 4132));
    GuestVmcoreinfo told = GuestVmcoreinfo.of(kernel(), device, List.of()).orElseThrow();
    assertEquals("at 0xb000, as QEMU's vmcoreinfo device was told", told.how());
    for (VmcoreinfoDevice wrong :
        List.of(
            new VmcoreinfoDevice(0x3000, 4132),
            new VmcoreinfoDevice(1L << 40, 4132),
            new VmcoreinfoDevice(-1, -1),
            new VmcoreinfoDevice(0xb000, 5))) {
      GuestVmcoreinfo own =
          GuestVmcoreinfo.of(kernel(), Optional.of(wrong), List.of()).orElseThrow();
      assertEquals("at 0xd000, where the kernel has its note", own.how());
    }
  }

  @Test
  void whoeverCanMakeOneIsAskedLast() throws Exception {
    GuestVmcoreinfo made =
        new GuestVmcoreinfo(Vmcoreinfo.of(ascii(text)).orElseThrow(), "made", true);
    List<VmcoreinfoSource> more = List.of(kernel -> Optional.of(made));
    assertEquals(Optional.of(made), GuestVmcoreinfo.of(kernel(), Optional.empty(), more));
    guest.note(0xb000, text);
    assertEquals(
        "at 0xb000, where the kernel has its note",
        GuestVmcoreinfo.of(kernel(), Optional.empty(), more).orElseThrow().how());
  }

  @Test
  void aNoteThatGoesOnInTheNextPageIsWhole() throws Exception {
    String filler = "#".repeat(4090 - text.length() - 3);
    String full = text + "X=" + filler + "\n";
    guest.note(0xb000, full);
    assertArrayEquals(ascii(full), of(kernel()).orElseThrow().info().bytes());
    guest.pointer(0x3000);
    assertArrayEquals(ascii(full), of(kernel()).orElseThrow().info().bytes());
  }

  @Test
  void aKernelWithItsOwnStartAddressSaysItsOffsetItself() throws Exception {
    String moved = text.replaceAll("KERNELOFFSET=\\w+", "KERNELOFFSET=a00000");
    guest.note(0xb000, moved);
    assertEquals(OptionalLong.of(0xa0_0000), of(kernel()).orElseThrow().info().kernelOffset());
  }

  @Test
  void anyBytesAreNoVmcoreinfo() {
    byte[] bytes = Arrays.copyOf(ascii("OSRELEASE="), 34);
    for (int room = 0; room <= 34; room++) {
      assertTrue(Vmcoreinfo.at(bytes, 0, room).isEmpty());
    }
    assertTrue(Vmcoreinfo.of(new byte[0]).isEmpty());
    assertTrue(Vmcoreinfo.of(new byte[5000]).isEmpty());
  }
}
