package dev.vmstate.machine;

import dev.vmstate.kvm.Kvm;
import dev.vmstate.kvm.VcpuFd;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Sets up a vCPU for the first instruction of a payload. */
final class FirstInstruction {
  private static final int FEATURES = 1;
  private static final int TOPOLOGY = 0xb;
  private static final int TOPOLOGY2 = 0x1f;
  private static final int APIC_ID_SHIFT = 24;
  private static final long APIC_ID = 0xff00_0000L;

  private final MachineOptions options;
  private final BootRegisters registers;
  private final List<StateValue> cpuid;

  FirstInstruction(MachineOptions options, BootRegisters registers, Kvm kvm) throws IOException {
    this.options = options;
    this.registers = registers;
    this.cpuid = kvm.supportedCpuid();
  }

  /** Gives a vCPU the host's CPUID, and registers if it is one that begins. */
  void set(VcpuThread vcpu, VcpuFd fd) throws IOException {
    fd.setCpuid(cpuid(cpuid, vcpu.index()));
    if (vcpu.index() > 0 && options.irqchip()) {
      return;
    }
    StateValue regs = fd.regs();
    StateValue sregs = fd.sregs();
    registers.boot(vcpu.index(), regs, sregs);
    BootRegisters.set(options.registers(), regs, sregs);
    fd.setSregs(sregs);
    fd.setRegs(regs);
  }

  /** The host's CPUID as vCPU {@code index} has it: with its own APIC's number. */
  static List<StateValue> cpuid(List<StateValue> host, int index) {
    List<StateValue> own = new ArrayList<>();
    for (StateValue entry : host) {
      StateValue copy = entry.copy();
      long function = copy.get("function");
      if (function == FEATURES) {
        copy.set("ebx", copy.get("ebx") & ~APIC_ID | (long) index << APIC_ID_SHIFT);
      } else if (function == TOPOLOGY || function == TOPOLOGY2) {
        copy.set("edx", index);
      }
      own.add(copy);
    }
    return own;
  }
}
