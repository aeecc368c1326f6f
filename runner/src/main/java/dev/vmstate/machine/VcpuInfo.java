package dev.vmstate.machine;

import dev.vmstate.cpu.CpuMode;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** What {@link MachineInfo} says of a vCPU. */
final class VcpuInfo {
  private static final int CR0_PE = 1;
  private static final int EFER_LMA = 0x400;
  private static final int HALTED = 3;

  private VcpuInfo() {}

  static MachineInfo.Vcpu of(VcpuThread vcpu, boolean readable) throws IOException {
    if (!readable) {
      return new MachineInfo.Vcpu(vcpu.index(), "", vcpu.exits().halted(), Map.of());
    }
    return vcpu.call(
        fd -> {
          StateValue regs = fd.regs();
          StateValue sregs = fd.sregs();
          Map<String, Long> registers = new LinkedHashMap<>();
          BootRegisters.GENERAL.forEach(name -> registers.put(name, regs.get(name)));
          BootRegisters.CONTROL.forEach(name -> registers.put(name, sregs.get(name)));
          return new MachineInfo.Vcpu(
              vcpu.index(),
              mode(sregs).toString(),
              vcpu.exits().halted() || fd.mpState() == HALTED,
              registers);
        });
  }

  private static CpuMode mode(StateValue sregs) {
    if ((sregs.get("cr0") & CR0_PE) == 0) {
      return CpuMode.REAL16;
    }
    if ((sregs.get("efer") & EFER_LMA) == 0) {
      return CpuMode.PROTECTED32;
    }
    return sregs.get("cs.l") != 0 ? CpuMode.LONG64 : CpuMode.COMPAT32;
  }
}
