package dev.vmstate.machine;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.kvm.Kvm;
import dev.vmstate.kvm.Mapping;
import dev.vmstate.kvm.VcpuFd;
import dev.vmstate.kvm.VcpuState;
import dev.vmstate.kvm.VmState;
import dev.vmstate.kvmdir.KvmDirectory;
import dev.vmstate.kvmdir.MachineConfig;
import dev.vmstate.kvmstate.StateDocument;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Makes the machine of a snapshot directory: everything is checked against {@code config.json}
 * before KVM is asked for anything, and nothing of the memory is read.
 */
final class MachineRestore {
  private final KvmDirectory directory;
  private final MachineConfig config;
  private final RunOptions run;
  private final Consumer<String> notes;
  private final List<VcpuState> vcpus = new ArrayList<>();

  MachineRestore(KvmDirectory directory, RunOptions run, Consumer<String> notes) {
    this.directory = directory;
    this.config = directory.config();
    this.run = run;
    this.notes = notes;
  }

  KvmMachine machine() throws IOException {
    List<DeviceSection> devices = new ArrayList<>();
    for (DeviceSection section : directory.document().sections()) {
      if (!section.name().equals(StateDocument.VCPU)) {
        devices.add(section);
      }
    }
    for (int i = 0; i < config.cpus(); i++) {
      vcpus.add(vcpu(i));
    }
    long sections = directory.document().sections().size() - (long) devices.size();
    if (sections != config.cpus()) {
      throw bad("the state of %d vCPUs, the machine has %d".formatted(sections, config.cpus()));
    }
    VmState kernel = VmState.read(devices);
    if (config.irqchip() != kernel.values().containsKey("ioapic")) {
      throw bad(
          config.irqchip()
              ? "no state of the interrupt controllers, which the machine has"
              : "the state of interrupt controllers, which the machine has not");
    }
    try (MachineBuilder builder = new MachineBuilder(config, run)) {
      Board board = builder.board();
      tellUnknown(devices, kernel, board);
      builder.ram(ram());
      KvmMachine machine = builder.machine((vcpu, fd) -> set(builder.kvm(), vcpu, fd));
      try {
        builder.kernel().restored(kernel);
        board.restore(devices);
        return machine;
      } catch (IOException | RuntimeException e) {
        machine.close();
        throw e;
      }
    }
  }

  private VcpuState vcpu(int index) throws IOException {
    for (DeviceSection section : directory.document().sections()) {
      if (section.name().equals(StateDocument.VCPU) && section.instance() == index) {
        VcpuState state = VcpuState.read(section);
        if (config.irqchip() != (state.lapic() != null)) {
          throw bad(
              config.irqchip()
                  ? "vCPU %d: no state of a local APIC".formatted(index)
                  : "vCPU %d: the state of a local APIC, which the machine has not"
                      .formatted(index));
        }
        return state;
      }
    }
    throw bad("no state of vCPU %d, the machine has %d".formatted(index, config.cpus()));
  }

  private FormatException bad(String what) {
    return new FormatException(directory.path().resolve(KvmDirectory.STATE).toString(), 0, what);
  }

  private void tellUnknown(List<DeviceSection> devices, VmState kernel, Board board) {
    for (DeviceSection section : devices) {
      if (!kernel.values().containsKey(section.name()) && !board.knows(section.name())) {
        notes.accept("%s: this machine has no such device".formatted(section.name()));
      }
    }
  }

  private GuestRam ram() throws IOException {
    List<PhysicalRam.Range> ranges = new ArrayList<>();
    long total = 0;
    for (StateDocument.Range range : directory.document().ranges()) {
      ranges.add(new PhysicalRam.Range(range.gpa(), range.length()));
      total += range.length();
    }
    if (total == 0) {
      throw bad("no memory");
    }
    return new GuestRam(
        Mapping.copyOnWrite(directory.path().resolve(KvmDirectory.MEMORY), 0, total), ranges);
  }

  private void set(Kvm kvm, VcpuThread vcpu, VcpuFd fd) throws IOException {
    VcpuState state = vcpus.get(vcpu.index());
    boolean halted = !config.irqchip() && state.mpState() == MachineSave.HALTED;
    VcpuState own = halted ? MachineSave.withMpState(state, 0) : state;
    own.restore(kvm, fd).forEach(notes);
    vcpu.exits().restored(state.regs(), halted);
  }
}
