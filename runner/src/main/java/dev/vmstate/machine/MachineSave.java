package dev.vmstate.machine;

import dev.vmstate.kvm.Mapping;
import dev.vmstate.kvm.VcpuState;
import dev.vmstate.kvm.VmState;
import dev.vmstate.kvmdir.DirectoryWriter;
import dev.vmstate.kvmdir.KvmDirectory;
import dev.vmstate.kvmdir.MachineConfig;
import dev.vmstate.kvmdir.SparseFile;
import dev.vmstate.kvmstate.StateDocument;
import dev.vmstate.kvmstate.StateWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Writes a machine whose vCPUs all stand as a snapshot directory. */
final class MachineSave {
  /** {@code KVM_MP_STATE_HALTED}. */
  static final int HALTED = 3;

  private static final int CHUNK = 1 << 20;

  private final KvmMachine.Parts parts;
  private final List<VcpuThread> vcpus;
  private final VmState kernel;

  /** {@code kernel}: clock, PICs, IOAPIC and PIT as they were when the last vCPU stood. */
  MachineSave(KvmMachine.Parts parts, List<VcpuThread> vcpus, VmState kernel) {
    this.parts = parts;
    this.vcpus = vcpus;
    this.kernel = kernel;
  }

  void to(Path directory) throws IOException {
    try (DirectoryWriter writer = new DirectoryWriter(directory)) {
      writer.write(MachineConfig.FILE, parts.config().text());
      writer.write(KvmDirectory.STATE, state());
      try (SparseFile memory = writer.sparse(KvmDirectory.MEMORY)) {
        memory(memory);
      }
      writer.commit();
    }
  }

  private byte[] state() throws IOException {
    List<StateDocument.Range> ranges = new ArrayList<>();
    for (PhysicalRam.Range range : parts.ram().ranges()) {
      String name = ranges.isEmpty() ? "ram" : "ram" + ranges.size();
      ranges.add(new StateDocument.Range(name, range.gpa(), range.length()));
    }
    StateWriter text = new StateWriter(ranges);
    for (VcpuThread vcpu : vcpus) {
      text.vcpu(vcpu.index(), vcpu(vcpu)::write);
    }
    kernel.values().forEach(text::device);
    parts.board().save(text);
    return text.text();
  }

  /**
   * A vCPU that halted where nothing can wake it has state 3, as it would have with the kernel's
   * interrupt controller: without one KVM knows no such state.
   */
  private VcpuState vcpu(VcpuThread vcpu) throws IOException {
    boolean irqchip = parts.config().irqchip();
    VcpuState own = vcpu.call(fd -> VcpuState.save(parts.kvm(), fd, irqchip));
    return vcpu.exits().halted() ? withMpState(own, HALTED) : own;
  }

  /** The same, with another {@code mp_state}. */
  static VcpuState withMpState(VcpuState of, int mpState) {
    return new VcpuState(
        of.regs(),
        of.sregs(),
        of.fpu(),
        of.xcrs(),
        of.msrs(),
        of.lapic(),
        of.events(),
        of.debugregs(),
        mpState,
        of.tscKhz(),
        of.cpuid());
  }

  private void memory(SparseFile file) throws IOException {
    Mapping mapping = parts.ram().mapping();
    ByteBuffer buffer = ByteBuffer.allocateDirect((int) Math.min(CHUNK, mapping.size()));
    for (long at = 0; at < mapping.size(); at += buffer.limit()) {
      buffer.clear().limit((int) Math.min(CHUNK, mapping.size() - at));
      mapping.read(at, buffer);
      file.write(buffer.flip());
    }
  }
}
