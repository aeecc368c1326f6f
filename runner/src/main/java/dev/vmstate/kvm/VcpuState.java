package dev.vmstate.kvm;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateFields;
import dev.vmstate.kvmstate.StateStruct;
import dev.vmstate.kvmstate.StateText;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * All of a vCPU's state that KVM gives, as it stands in {@code state.json}.
 *
 * @param regs {@link KvmStructs#REGS}
 * @param sregs {@link KvmStructs#SREGS2}, or {@link KvmStructs#SREGS} of a host without
 * @param fpu an XSAVE area, or {@link KvmStructs#FPU} of a host without
 * @param xcrs {@link KvmStructs#XCR}
 * @param msrs {@link KvmStructs#MSR}, those that could be read
 * @param lapic {@link KvmStructs#LAPIC}, of a machine with the kernel's interrupt controller
 * @param events {@link KvmStructs#EVENTS}
 * @param debugregs {@link KvmStructs#DEBUGREGS}
 * @param mpState {@code KVM_MP_STATE_…}
 * @param tscKhz the TSC's frequency; empty where it is not known
 * @param cpuid {@link KvmStructs#CPUID}; empty for all that the host has
 */
public record VcpuState(
    StateValue regs,
    StateValue sregs,
    StateValue fpu,
    List<StateValue> xcrs,
    List<StateValue> msrs,
    @Nullable StateValue lapic,
    StateValue events,
    StateValue debugregs,
    int mpState,
    OptionalLong tscKhz,
    List<StateValue> cpuid) {
  private static final int MOST_MSRS = 4096;
  private static final int XSAVE_HEADER_END = 576;

  public VcpuState {
    xcrs = List.copyOf(xcrs);
    msrs = List.copyOf(msrs);
    cpuid = List.copyOf(cpuid);
  }

  /**
   * Reads it all from a vCPU that does not run and has no exit half done ({@link VcpuFd#complete}).
   *
   * @param irqchip whether the machine has the kernel's interrupt controller
   */
  public static VcpuState save(Kvm kvm, VcpuFd vcpu, boolean irqchip) throws KvmException {
    boolean sregs2 = kvm.checkExtension(KvmCapability.SREGS2) > 0;
    boolean xsave = kvm.checkExtension(KvmCapability.XSAVE) > 0;
    boolean xcrs = kvm.checkExtension(KvmCapability.XCRS) > 0;
    boolean khz = kvm.checkExtension(KvmCapability.GET_TSC_KHZ) > 0;
    // First: asking for it takes up an INIT or start-up interrupt that has arrived.
    int mpState = vcpu.mpState();
    return new VcpuState(
        vcpu.regs(),
        sregs2 ? vcpu.sregs2() : vcpu.sregs(),
        xsave ? vcpu.xsave() : vcpu.fpu(),
        xcrs ? vcpu.xcrs() : List.of(),
        vcpu.msrs(MsrIndices.of(kvm)),
        irqchip ? vcpu.lapic() : null,
        vcpu.events(),
        vcpu.debugregs(),
        mpState,
        khz ? OptionalLong.of(vcpu.tscKhz()) : OptionalLong.empty(),
        vcpu.cpuid());
  }

  /**
   * Puts it into a vCPU that has not run yet, in the order that KVM needs. The machine's memory has
   * to be there, its own state ({@link VmState}) comes after all vCPUs.
   *
   * @return what the host would not take although it can do without, one line each
   * @throws KvmException when it would not take what there is no doing without
   */
  public List<String> restore(Kvm kvm, VcpuFd vcpu) throws KvmException {
    return new VcpuRestore(kvm, vcpu, this).all();
  }

  /** Writes the members of a vCPU's object; opening and closing it is the caller's. */
  public void write(StateText text) {
    text.value("regs", regs).value(sregs.shape().name(), sregs).value(fpu.shape().name(), fpu);
    text.list("xcrs", xcrs).list("msrs", msrs);
    if (lapic != null) {
      text.value("lapic", lapic);
    }
    text.value("events", events).value("debugregs", debugregs).number("mp_state", 4, mpState);
    tscKhz.ifPresent(khz -> text.number("tsc_khz", 4, khz));
    if (!cpuid.isEmpty()) {
      text.list("cpuid", cpuid);
    }
  }

  /**
   * Reads a vCPU's section of {@code state.json}.
   *
   * @throws dev.vmstate.bytes.FormatException when something is missing that a vCPU cannot run
   *     without, or a member is not as it has to be
   */
  public static VcpuState read(DeviceSection section) throws IOException {
    Optional<StateValue> sregs2 = StateFields.find(section, "sregs2", KvmStructs.SREGS2);
    Optional<StateValue> xsave =
        StateFields.has(section, "xsave")
            ? StateFields.find(section, "xsave", xsaveShape(section))
            : Optional.empty();
    return new VcpuState(
        StateFields.value(section, "regs", KvmStructs.REGS),
        sregs2.isPresent() ? sregs2.get() : StateFields.value(section, "sregs", KvmStructs.SREGS),
        xsave.isPresent() ? xsave.get() : StateFields.value(section, "fpu", KvmStructs.FPU),
        StateFields.list(section, "xcrs", KvmStructs.XCR, KvmArguments.MOST_XCRS),
        StateFields.list(section, "msrs", KvmStructs.MSR, MOST_MSRS),
        StateFields.find(section, "lapic", KvmStructs.LAPIC).orElse(null),
        StateFields.value(section, "events", KvmStructs.EVENTS),
        StateFields.value(section, "debugregs", KvmStructs.DEBUGREGS),
        (int) StateFields.number(section, "mp_state").orElse(0),
        StateFields.number(section, "tsc_khz"),
        StateFields.list(section, "cpuid", KvmStructs.CPUID, KvmArguments.MOST_CPUID));
  }

  /** An area is as long as the host that wrote it needed: what follows the header says how long. */
  private static StateStruct xsaveShape(DeviceSection section) {
    for (Field field : section.root().children()) {
      if (field.name().equals("xsave") && field instanceof Field.Group group) {
        for (Field member : group.children()) {
          long size = XSAVE_HEADER_END + member.span().length();
          if (member.name().equals("extended") && size <= VcpuRestore.MOST_XSAVE) {
            return KvmStructs.xsave((int) size);
          }
        }
      }
    }
    return KvmArguments.XSAVE;
  }
}
