package dev.vmstate.kvm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateDocument;
import dev.vmstate.kvmstate.StateText;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A machine's state, saved, written as text, read, put into another machine and saved again. */
class StateRoundTripTest {
  private static final List<String> NONE = List.of();
  private static final int MTRR_PHYS_BASE = 0x200;
  private static final int MTRR_PHYS_MASK = 0x201;
  private static final int LSTAR = 0xc0000082;
  private static final int KERNEL_GS_BASE = 0xc0000102;
  private static final int TSC_AUX = 0xc0000103;
  private static final int PAT = 0x277;
  private static final int SYSENTER_EIP = 0x176;

  /** Everything as it is in no machine that was just made. */
  private static void fill(TinyGuest guest, boolean irqchip) throws KvmException {
    VcpuFd vcpu = guest.vcpu;
    StateValue regs = KvmStructs.REGS.zero();
    Random random = new Random(11);
    for (String name : List.of("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8")) {
      regs.set(name, random.nextLong());
    }
    for (int i = 9; i < 16; i++) {
      regs.set("r" + i, random.nextLong());
    }
    vcpu.setRegs(regs.set("rip", 0xffffffff81000123L).set("rflags", 0x246));

    StateValue sregs = vcpu.sregs2();
    for (String segment : List.of("ds", "es", "fs", "gs", "ss")) {
      sregs.set(segment + ".selector", 0x10 + random.nextInt(8) * 8L).set(segment + ".type", 3);
      sregs.set(segment + ".db", 1).set(segment + ".g", 1).set(segment + ".limit", 0xffffffffL);
    }
    sregs.set("cs.selector", 8).set("cs.type", 11).set("cs.l", 1).set("cs.db", 0);
    sregs.set("cs.g", 1).set("cs.limit", 0xffffffffL);
    sregs.set("fs.base", 0x7f1234567000L).set("gs.base", 0xffff888012345000L);
    sregs.set("gdt.base", 0xfffffe0000001000L).set("gdt.limit", 0x7f);
    sregs.set("idt.base", 0xfffffe0000000000L).set("idt.limit", 0xfff);
    sregs.set("tr.base", 0xfffffe0000003000L).set("tr.selector", 0x40).set("tr.limit", 0x206f);
    sregs.set("tr.type", 11).set("tr.present", 1);
    sregs.set("cr0", 0x80050033L).set("cr2", 0x7ffe12345678L).set("cr3", 0x5000);
    sregs.set("cr4", 0x6a0).set("cr8", irqchip ? 3 : 5).set("efer", 0xd01);
    vcpu.setSregs2(sregs);

    StateValue xsave = vcpu.xsave();
    for (int i = 0; i < 16; i++) {
      byte[] xmm = new byte[16];
      random.nextBytes(xmm);
      xsave.data("xmm[" + i + "]", xmm);
    }
    for (int i = 0; i < 8; i++) {
      byte[] st = new byte[16];
      random.nextBytes(st);
      Arrays.fill(st, 10, 16, (byte) 0);
      xsave.data("st[" + i + "]", st);
    }
    xsave.set("fcw", 0x27f).set("fsw", 0x3800).set("ftw", 0x81).set("mxcsr", 0x1fa0);
    vcpu.setXsave(xsave.set("xstate_bv", 3));

    List<StateValue> msrs =
        List.of(
            msr(LSTAR, 0xffffffff81e00080L),
            msr(KERNEL_GS_BASE, 0xffff88801f000000L),
            msr(TSC_AUX, 5),
            msr(PAT, 0x0407050600070106L),
            msr(SYSENTER_EIP, 0xffffffff81e01000L),
            msr(MTRR_PHYS_BASE, 0xc0000000L),
            msr(MTRR_PHYS_MASK, 0x3fc0000800L),
            msr(0x2ff, 0xc06));
    assertEquals(List.of(), vcpu.setMsrs(msrs));

    StateValue debug = vcpu.debugregs();
    debug.set("db[0]", 0x1111).set("db[1]", 0x2222).set("db[2]", 0x3333).set("db[3]", 0x4444);
    vcpu.setDebugregs(debug.set("dr6", 0xffff0ff1L).set("dr7", 0x501));

    StateValue events = vcpu.events();
    events.set("nmi.masked", 1).set("interrupt.shadow", 0);
    events.set("exception.injected", 1).set("exception.nr", 14);
    events.set("exception.has_error_code", 1).set("exception.error_code", 6);
    vcpu.setEvents(events);
    if (irqchip) {
      fillChips(guest);
    }
  }

  private static void fillChips(TinyGuest guest) throws KvmException {
    StateValue lapic = guest.vcpu.lapic();
    lapic.set("svr", 0x1ff).set("ldr", 0x04000000L).set("dfr", 0x0fffffffL).set("tpr", 0x30);
    lapic.set("lvt_lint0", 0x10700).set("lvt_error", 0xfe).set("esr", 0);
    // Masked, periodic, and slow.
    lapic.set("lvt_timer", 0x300ec).set("divide", 0xa).set("initial_count", 0x7fffffffL);
    lapic.set("irr[2]", 1 << 5).set("isr[1]", 1 << 3).set("tmr[1]", 1 << 3);
    guest.vcpu.setLapic(lapic.set("icr", 0xc4600).set("icr2", 0x01000000L));
    guest.vcpu.setMpState(3);
    for (int chip = VmFd.PIC_MASTER; chip <= VmFd.PIC_SLAVE; chip++) {
      StateValue pic = guest.vm.irqchip(chip);
      pic.set("imr", 0xfbL - chip)
          .set("irq_base", 0x20 + 8L * chip)
          .set("irr", chip == 0 ? 0x10 : 0);
      pic.set("elcr", chip == 0 ? 0 : 0x0c).set("read_reg_select", 1).set("init4", 1);
      guest.vm.setIrqchip(chip, pic.set("auto_eoi", chip));
    }
    StateValue ioapic = guest.vm.irqchip(VmFd.IOAPIC);
    ioapic.set("ioregsel", 0x12).set("id", 2);
    ioapic.set("redirtbl[1]", 0x10031L).set("redirtbl[9]", 0x0300000000018039L);
    guest.vm.setIrqchip(VmFd.IOAPIC, ioapic);
    StateValue pit = guest.vm.pit2();
    pit.set("channels[0].count", 0x2e9c).set("channels[0].mode", 2);
    pit.set("channels[0].rw_mode", 3).set("channels[0].gate", 1);
    pit.set("channels[2].count", 0x1234).set("channels[2].mode", 3).set("channels[2].bcd", 1);
    guest.vm.setPit2(pit.set("flags", 0));
  }

  private static StateValue msr(int index, long data) {
    return KvmStructs.MSR.zero().set("index", index).set("data", data);
  }

  private static StateDocument document(VcpuState vcpu, VmState vm) throws IOException {
    StateText cpu = new StateText().open("");
    vcpu.write(cpu);
    StateText devices = new StateText().open("");
    vm.write(devices);
    String text =
        "{\"id\": \"vmstate-kvm\", \"version\": 1, \"snapshots\": {"
            + "\"memory-manager\": {\"memory_ranges\": []}, \"cpu-manager\": {\"0\": "
            + cpu.close()
            + "}, \"device-manager\": "
            + devices.close()
            + "}}";
    return StateDocument.parse("state.json", text.getBytes(StandardCharsets.UTF_8));
  }

  /** Takes out what goes on counting while one looks. */
  private static String still(VcpuState vcpu) {
    List<StateValue> msrs = new ArrayList<>(vcpu.msrs());
    msrs.removeIf(msr -> msr.get("index") == MsrIndices.TSC);
    StateValue lapic = vcpu.lapic();
    if (lapic != null) {
      lapic = lapic.copy().set("current_count", 0);
    }
    StateText text = new StateText().open("");
    new VcpuState(
            vcpu.regs(),
            vcpu.sregs(),
            vcpu.fpu(),
            vcpu.xcrs(),
            msrs,
            lapic,
            vcpu.events(),
            vcpu.debugregs(),
            vcpu.mpState(),
            vcpu.tscKhz(),
            vcpu.cpuid())
        .write(text);
    return text.close().toString();
  }

  private static String still(VmState vm) {
    StateText text = new StateText().open("");
    vm.values()
        .forEach(
            (name, value) -> {
              StateValue copy = value.copy();
              if (name.equals("clock")) {
                copy = KvmStructs.CLOCK.zero();
              }
              // The timer's line, and where it goes.
              for (String line : name.equals("pic-master") ? List.of("irr", "last_irr") : NONE) {
                copy.set(line, copy.get(line) & ~1);
              }
              if (name.equals("ioapic")) {
                copy.set("irr", copy.get("irr") & ~5);
              }
              for (int i = 0; i < 3 && name.equals("pit"); i++) {
                copy.set("channels[" + i + "].count_load_time", 0);
              }
              text.value(name, copy);
            });
    return text.close().toString();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatIsSavedAndRestoredIsSavedAgainAsItWas(boolean irqchip) throws IOException {
    try (Kvm kvm = KvmHost.open();
        TinyGuest guest = new TinyGuest(kvm, "f4", irqchip);
        TinyGuest other = new TinyGuest(kvm, "f4", irqchip)) {
      assumeTrue(kvm.checkExtension(KvmCapability.SREGS2) > 0, "a host without SREGS2");
      fill(guest, irqchip);
      VcpuState vcpu = VcpuState.save(kvm, guest.vcpu, irqchip);
      VmState vm = VmState.save(kvm, guest.vm, irqchip, irqchip);
      assertNotEquals(still(VcpuState.save(kvm, other.vcpu, irqchip)), still(vcpu));

      StateDocument document = document(vcpu, vm);
      VcpuState read = VcpuState.read(document.sections().get(0));
      assertTrue(vcpu.equals(read), "what is read is not what was written");
      VmState devices = VmState.read(document.sections());
      assertEquals(vm.values(), devices.values());
      assertEquals(List.of(), read.restore(kvm, other.vcpu));
      devices.restore(other.vm);

      assertEquals(still(vcpu), still(VcpuState.save(kvm, other.vcpu, irqchip)));
      VmState again = VmState.save(kvm, other.vm, irqchip, irqchip);
      assertEquals(still(vm), still(again));
      long passed =
          Objects.requireNonNull(again.values().get("clock")).get("clock")
              - Objects.requireNonNull(vm.values().get("clock")).get("clock");
      assertTrue(passed >= 0 && passed < 60_000_000_000L, passed + " ns");
    }
  }

  @Test
  void whatAHostWouldNotTakeIsToldAndTheRestIsDone() throws IOException {
    try (Kvm kvm = KvmHost.open();
        TinyGuest guest = new TinyGuest(kvm, "f4");
        TinyGuest other = new TinyGuest(kvm, "f4")) {
      VcpuState saved = VcpuState.save(kvm, guest.vcpu, false);
      List<StateValue> msrs = new ArrayList<>(saved.msrs());
      msrs.add(0, msr(0x12345678, 1));
      msrs.add(3, msr(LSTAR, 1L << 63));
      // As QEMU has it: every bit of an address that any processor may have.
      msrs.add(msr(MTRR_PHYS_MASK, 0x000fffffc0000800L));
      msrs.add(msr(TSC_AUX, 77));
      List<String> notes = with(saved, msrs, List.of()).restore(kvm, other.vcpu);
      assertEquals(2, notes.size(), notes.toString());
      assertEquals("vCPU 0: MSR 0x12345678 would not be set to 0x1", notes.get(0));
      assertEquals(
          "vCPU 0: MSR 0xc0000082 would not be set to 0x8000000000000000, it is 0x0", notes.get(1));
      VcpuState again = VcpuState.save(kvm, other.vcpu, false);
      assertTrue(again.msrs().contains(msr(TSC_AUX, 77)));
      // No CPUID in the state: all that the host has.
      assertEquals(guest.vcpu.cpuid(), again.cpuid());
    }
  }

  private static VcpuState with(VcpuState state, List<StateValue> msrs, List<StateValue> cpuid) {
    return new VcpuState(
        state.regs(),
        state.sregs(),
        state.fpu(),
        state.xcrs(),
        msrs,
        state.lapic(),
        state.events(),
        state.debugregs(),
        state.mpState(),
        OptionalLong.empty(),
        cpuid);
  }

  @Test
  void aHostWithoutPagingOutsideOfLongModeIsToldInOneLine() throws IOException {
    try (Kvm kvm = KvmHost.open();
        TinyGuest guest = new TinyGuest(kvm, "f4");
        TinyGuest other = new TinyGuest(kvm, "f4")) {
      VcpuState saved = VcpuState.save(kvm, guest.vcpu, false);
      for (String segment : List.of("cs", "ds", "es", "fs", "gs", "ss")) {
        saved.sregs().set(segment + ".g", 1).set(segment + ".db", 1);
        saved.sregs().set(segment + ".limit", 0xffffffffL);
      }
      saved.sregs().set("cr0", 0x80000011L).set("cr3", 0x2000);
      List<String> notes = saved.restore(kvm, other.vcpu);
      if (other.vcpu.sregs().get("cr0") == 0x80000011L) {
        assertEquals(List.of(), notes);
      } else {
        assertEquals(
            List.of(
                "vCPU 0: this host drops CR0.PG: it has paging in long mode only, the guest cannot"
                    + " go on here"),
            notes);
      }
    }
  }

  @Test
  void anXsaveAreaOfAnotherLengthIsTakenWhereNothingIsLost() throws IOException {
    try (Kvm kvm = KvmHost.open();
        TinyGuest guest = new TinyGuest(kvm, "f4");
        TinyGuest other = new TinyGuest(kvm, "f4")) {
      VcpuState saved = VcpuState.save(kvm, guest.vcpu, false);
      int size = guest.vcpu.xsaveShape().size();
      byte[] xmm = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
      StateValue area = KvmStructs.xsave(size * 2).of(Arrays.copyOf(saved.fpu().bytes(), size * 2));
      area.data("xmm[3]", xmm).set("xstate_bv", 3);
      VcpuState longer = withFpu(saved, area);
      VcpuState read = VcpuState.read(document(longer, noDevices()).sections().get(0));
      assertTrue(Arrays.equals(area.bytes(), read.fpu().bytes()));
      assertEquals(List.of(), read.restore(kvm, other.vcpu));
      assertArrayEquals(xmm, other.vcpu.xsave().data("xmm[3]"));
      area.buffer().put(size + 64, (byte) 1);
      KvmException lost = assertThrows(KvmException.class, () -> longer.restore(kvm, other.vcpu));
      assertEquals(
          "vCPU 0: its XSAVE area has state at %d, this host's ends at %d"
              .formatted(size + 64, size),
          lost.getMessage());
      StateValue foreign = saved.fpu().copy().set("xstate_bv", 1L << 62);
      KvmException refused =
          assertThrows(KvmException.class, () -> withFpu(saved, foreign).restore(kvm, other.vcpu));
      assertTrue(
          refused.getMessage().contains("KVM_SET_XSAVE")
              && refused.getMessage().contains("0x4000000000000000"),
          refused.getMessage());
    }
  }

  private static VcpuState withFpu(VcpuState state, StateValue fpu) {
    return new VcpuState(
        state.regs(),
        state.sregs(),
        fpu,
        state.xcrs(),
        state.msrs(),
        state.lapic(),
        state.events(),
        state.debugregs(),
        state.mpState(),
        state.tscKhz(),
        state.cpuid());
  }

  private static VmState noDevices() throws IOException {
    return VmState.read(List.of());
  }

  /** The older structures say the same of the same vCPU, as far as they go. */
  @Test
  void olderHostsGetWhatTheirStructuresHold() throws IOException {
    try (Kvm kvm = KvmHost.open();
        TinyGuest guest = new TinyGuest(kvm, "f4");
        TinyGuest other = new TinyGuest(kvm, "f4")) {
      assumeTrue(kvm.checkExtension(KvmCapability.SREGS2) > 0, "a host without SREGS2");
      fill(guest, false);
      assertEquals(guest.vcpu.sregs(), VcpuRestore.oneOf(guest.vcpu.sregs2()));
      StateValue fpu = VcpuRestore.legacy(guest.vcpu.xsave());
      assertEquals(0x1fa0, fpu.get("mxcsr"));
      // Which KVM_GET_FPU leaves out.
      assertEquals(guest.vcpu.fpu(), fpu.copy().set("mxcsr", 0));
      VcpuState saved = VcpuState.save(kvm, guest.vcpu, false);
      VcpuState older =
          new VcpuState(
              saved.regs(),
              guest.vcpu.sregs(),
              fpu,
              saved.xcrs(),
              saved.msrs(),
              null,
              saved.events(),
              saved.debugregs(),
              saved.mpState(),
              saved.tscKhz(),
              saved.cpuid());
      VcpuState read = VcpuState.read(document(older, noDevices()).sections().get(0));
      assertEquals(older, read);
      assertEquals(List.of(), read.restore(kvm, other.vcpu));
      assertEquals(saved.sregs(), other.vcpu.sregs2());
      assertEquals(guest.vcpu.fpu(), other.vcpu.fpu());
      assertEquals(0x1fa0, other.vcpu.xsave().get("mxcsr"));
    }
  }

  @Test
  void aStateThatLacksSomethingIsRefusedBeforeAnythingIsSet() throws IOException {
    try (Kvm kvm = KvmHost.open();
        TinyGuest guest = new TinyGuest(kvm, "f4")) {
      VcpuState saved = VcpuState.save(kvm, guest.vcpu, false);
      StateText cpu = new StateText().open("").value("regs", saved.regs());
      cpu.value(saved.fpu().shape().name(), saved.fpu()).close();
      String text =
          "{\"id\": \"vmstate-kvm\", \"version\": 1, \"snapshots\": {"
              + "\"memory-manager\": {\"memory_ranges\": []}, \"cpu-manager\": {\"0\": "
              + cpu
              + "}, \"device-manager\": {}}}";
      StateDocument document =
          StateDocument.parse("state.json", text.getBytes(StandardCharsets.UTF_8));
      FormatException missing =
          assertThrows(FormatException.class, () -> VcpuState.read(document.sections().get(0)));
      assertTrue(missing.getMessage().endsWith("vcpu: no \"sregs\""), missing.getMessage());
      List<StateValue> many = new ArrayList<>();
      for (int i = 0; i < 5000; i++) {
        many.add(msr(i, i));
      }
      VcpuState large = with(saved, many, saved.cpuid());
      FormatException tooMany =
          assertThrows(
              FormatException.class,
              () -> VcpuState.read(document(large, noDevices()).sections().get(0)));
      assertTrue(tooMany.getMessage().contains("5000 elements"), tooMany.getMessage());
      assertFalse(VcpuState.read(document(saved, noDevices()).sections().get(0)).cpuid().isEmpty());
    }
  }
}
