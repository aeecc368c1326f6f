package dev.vmstate.kvm;

import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.HexFormat;

/** One vCPU in real mode, a few bytes of code at 0x1000, RAM up to 0x10000. */
final class TinyGuest implements AutoCloseable {
  static final int CODE = 0x1000;
  static final int RAM = 0x10000;

  final Mapping memory;
  final VmFd vm;
  final VcpuFd vcpu;

  TinyGuest(Kvm kvm, String code) throws IOException {
    this(kvm, code, false);
  }

  TinyGuest(Kvm kvm, String code, boolean irqchip) throws IOException {
    memory = Mapping.anonymous(RAM);
    memory.write(CODE, HexFormat.of().parseHex(code.replace(" ", "")));
    vm = kvm.createVm();
    vm.setUserMemory(0, 0, 0, RAM, memory, 0);
    if (irqchip) {
      vm.createIrqchip();
      vm.createPit2(VmFd.PIT_SPEAKER_DUMMY);
    }
    vcpu = vm.createVcpu(0);
    vcpu.setCpuid(kvm.supportedCpuid());
    StateValue sregs = vcpu.sregs();
    sregs.set("cs.base", 0).set("cs.selector", 0);
    vcpu.setSregs(sregs);
    StateValue regs = vcpu.regs();
    vcpu.setRegs(regs.set("rip", CODE).set("rflags", 2));
  }

  @Override
  public void close() {
    vm.close();
    memory.close();
  }
}
