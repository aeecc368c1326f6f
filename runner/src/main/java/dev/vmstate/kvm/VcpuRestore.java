package dev.vmstate.kvm;

import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateValue;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Puts a {@link VcpuState} into a vCPU. What depends on what: everything on CPUID; MSRs and the
 * APIC on {@code sregs} (EFER, APIC base); deadlines on the TSC, and on the APIC's timer being in
 * that mode.
 */
final class VcpuRestore {
  /** The longest XSAVE area {@link KvmStructs#xsave} makes. */
  static final int MOST_XSAVE = 1 << 20;

  private static final int FEATURES = 1;
  private static final int FEATURES_XSAVE = 26;
  private static final int ADDRESS_SIZES = 0x80000008;
  private static final long CR0_PG = 1L << 31;

  /** Up to there both structures are the same. */
  private static final int SREGS_INTERRUPT_BITMAP = 280;

  private static final int XSTATE_X87 = 1;
  private static final int XSTATE_SSE = 2;
  private static final int MXCSR_INITIAL = 0x1f80;
  private static final int FCW_INITIAL = 0x37f;

  /** Two clocks are the same to so many parts in a million; NTP corrects as much. */
  private static final long TOLERANCE = 250;

  private static final long MILLION = 1_000_000;

  private final Kvm kvm;
  private final VcpuFd vcpu;
  private final VcpuState state;
  private final List<String> notes = new ArrayList<>();

  VcpuRestore(Kvm kvm, VcpuFd vcpu, VcpuState state) {
    this.kvm = kvm;
    this.vcpu = vcpu;
    this.state = state;
  }

  List<String> all() throws KvmException {
    try {
      List<StateValue> cpuid = state.cpuid().isEmpty() ? kvm.supportedCpuid() : state.cpuid();
      vcpu.setCpuid(cpuid);
      frequency();
      sregs();
      vcpu.setRegs(state.regs());
      fpu();
      xcrs(cpuid);
      msrs(cpuid, false);
      StateValue lapic = state.lapic();
      if (lapic != null) {
        vcpu.setLapic(lapic);
      }
      msrs(cpuid, true);
      vcpu.setEvents(state.events());
      vcpu.setDebugregs(state.debugregs());
      if (vcpu.mpState() != state.mpState()) {
        vcpu.setMpState(state.mpState());
      }
      return List.copyOf(notes);
    } catch (KvmException e) {
      throw new KvmException("%s: %s".formatted(vcpu.what(), e.getMessage()), e.errno());
    }
  }

  private void note(String what) {
    notes.add("%s: %s".formatted(vcpu.what(), what));
  }

  private void frequency() throws KvmException {
    if (state.tscKhz().isEmpty() || kvm.checkExtension(KvmCapability.GET_TSC_KHZ) == 0) {
      return;
    }
    long wanted = state.tscKhz().getAsLong();
    long has = vcpu.tscKhz();
    if (wanted == 0 || wanted == has) {
      return;
    }
    if (kvm.checkExtension(KvmCapability.TSC_CONTROL) > 0) {
      vcpu.setTscKhz(wanted);
    } else if (Math.abs(wanted - has) > wanted * TOLERANCE / MILLION) {
      note("its TSC ran at %d kHz and now runs at %d".formatted(wanted, has));
    }
  }

  private void sregs() throws KvmException {
    StateValue wanted = state.sregs();
    boolean two = wanted.shape() == KvmStructs.SREGS2;
    if (two && kvm.checkExtension(KvmCapability.SREGS2) == 0) {
      wanted = oneOf(wanted);
      two = false;
    }
    if (two) {
      vcpu.setSregs2(wanted);
    } else {
      vcpu.setSregs(wanted);
    }
    StateValue has = two ? vcpu.sregs2() : vcpu.sregs();
    for (String register : List.of("cr0", "cr3", "cr4", "efer", "apic_base")) {
      long dropped = wanted.get(register) ^ has.get(register);
      if (register.equals("cr0") && (dropped & CR0_PG) != 0) {
        note(
            "this host drops CR0.PG: it has paging in long mode only, the guest cannot go on here");
      } else if (dropped != 0) {
        note(
            "%s is 0x%x and not 0x%x: this host has no more of it"
                .formatted(register, has.get(register), wanted.get(register)));
      }
    }
  }

  /** The older structure, which differs in what comes after {@code apic_base}. */
  static StateValue oneOf(StateValue sregs2) {
    byte[] common = Arrays.copyOf(sregs2.bytes(), SREGS_INTERRUPT_BITMAP);
    return KvmStructs.SREGS.of(Arrays.copyOf(common, KvmStructs.SREGS.size()));
  }

  private void fpu() throws KvmException {
    StateValue area = state.fpu();
    boolean older = area.shape() == KvmStructs.FPU;
    if (kvm.checkExtension(KvmCapability.XSAVE) == 0) {
      vcpu.setFpu(older ? area : legacy(area));
      return;
    }
    if (older) {
      // Not KVM_SET_FPU: it leaves xstate_bv as it is, and of a vCPU that has not run yet that says
      // that nothing is there. MXCSR it passes over, too.
      area = area(area, vcpu.xsave());
    }
    byte[] bytes = area.bytes();
    int size = vcpu.xsaveShape().size();
    for (int i = size; i < bytes.length; i++) {
      if (bytes[i] != 0) {
        throw new KvmException(
            "its XSAVE area has state at %d, this host's ends at %d".formatted(i, size));
      }
    }
    StateValue fits = vcpu.xsaveShape().of(Arrays.copyOf(bytes, size));
    try {
      vcpu.setXsave(fits);
    } catch (KvmException e) {
      throw new KvmException(
          "%s: the XSAVE area has components 0x%x in format 0x%x, this host's processor others"
              .formatted(e.getMessage(), fits.get("xstate_bv"), fits.get("xcomp_bv")),
          e.errno());
    }
  }

  /** The older structure's values in an XSAVE area. */
  private static StateValue area(StateValue fpu, StateValue into) {
    into.set("fcw", fpu.get("fcw")).set("fsw", fpu.get("fsw")).set("ftw", fpu.get("ftwx"));
    into.set("fop", fpu.get("last_opcode")).set("fip", fpu.get("last_ip"));
    into.set("fdp", fpu.get("last_dp"));
    // KVM_GET_FPU says zero whatever it is.
    into.set("mxcsr", fpu.get("mxcsr") == 0 ? MXCSR_INITIAL : fpu.get("mxcsr"));
    for (int i = 0; i < 8; i++) {
      into.data("st[" + i + "]", fpu.data("fpr[" + i + "]"));
    }
    for (int i = 0; i < 16; i++) {
      into.data("xmm[" + i + "]", fpu.data("xmm[" + i + "]"));
    }
    return into.set("xstate_bv", into.get("xstate_bv") | XSTATE_X87 | XSTATE_SSE);
  }

  /** What an XSAVE area's first half says, as the older structure. */
  static StateValue legacy(StateValue area) {
    StateValue fpu = KvmStructs.FPU.zero();
    // A component whose bit is clear is as after a reset, whatever stands in its place.
    fpu.set("fcw", FCW_INITIAL).set("mxcsr", area.get("mxcsr"));
    if ((area.get("xstate_bv") & XSTATE_X87) != 0) {
      fpu.set("fcw", area.get("fcw")).set("fsw", area.get("fsw")).set("ftwx", area.get("ftw"));
      fpu.set("last_opcode", area.get("fop")).set("last_ip", area.get("fip"));
      fpu.set("last_dp", area.get("fdp"));
      for (int i = 0; i < 8; i++) {
        fpu.data("fpr[" + i + "]", area.data("st[" + i + "]"));
      }
    }
    for (int i = 0; i < 16 && (area.get("xstate_bv") & XSTATE_SSE) != 0; i++) {
      fpu.data("xmm[" + i + "]", area.data("xmm[" + i + "]"));
    }
    return fpu;
  }

  private static boolean has(List<StateValue> cpuid, int function, String register, int bit) {
    return cpuid.stream()
        .anyMatch(e -> (int) e.get("function") == function && (e.get(register) >> bit & 1) != 0);
  }

  /** A guest that has no XSAVE has no XCR0 to set; what the host keeps for it is the host's. */
  private void xcrs(List<StateValue> cpuid) throws KvmException {
    if (has(cpuid, FEATURES, "ecx", FEATURES_XSAVE) && !state.xcrs().isEmpty()) {
      vcpu.setXcrs(state.xcrs());
    }
  }

  private void msrs(List<StateValue> cpuid, boolean deadline) throws KvmException {
    List<StateValue> tsc = new ArrayList<>();
    List<StateValue> others = new ArrayList<>();
    for (StateValue msr : state.msrs()) {
      int index = (int) msr.get("index");
      if ((index == MsrIndices.TSC_DEADLINE) == deadline) {
        (index == MsrIndices.TSC ? tsc : others).add(fitting(index, msr, cpuid));
      }
    }
    tsc.addAll(others);
    for (StateValue refused : vcpu.setMsrs(tsc)) {
      // Some only tell what the processor has: no harm if it is the same.
      List<StateValue> now = vcpu.msrs(List.of((int) refused.get("index")));
      if (!now.contains(refused)) {
        note(
            "MSR 0x%x would not be set to 0x%x%s"
                .formatted(
                    refused.get("index"),
                    refused.get("data"),
                    now.isEmpty() ? "" : ", it is 0x%x".formatted(now.get(0).get("data"))));
      }
    }
  }

  /** QEMU keeps masks of addresses with all bits set, more than the guest's addresses have. */
  private static StateValue fitting(int index, StateValue msr, List<StateValue> cpuid) {
    if (!MsrIndices.isMtrrMask(index)) {
      return msr;
    }
    for (StateValue entry : cpuid) {
      long bits = entry.get("eax") & 0xff;
      if ((int) entry.get("function") == ADDRESS_SIZES && bits >= 32 && bits < 64) {
        return msr.copy().set("data", msr.get("data") & (1L << bits) - 1);
      }
    }
    return msr;
  }
}
