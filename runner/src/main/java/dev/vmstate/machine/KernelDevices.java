package dev.vmstate.machine;

import dev.vmstate.kvm.Kvm;
import dev.vmstate.kvm.KvmException;
import dev.vmstate.kvm.VmFd;
import dev.vmstate.kvm.VmState;
import org.jspecify.annotations.Nullable;

/**
 * The clock and, of a machine with an irqchip, PICs, IOAPIC and PIT. In the kernel time goes on
 * while a machine is paused: so what they are is taken when the last vCPU stands, and time is put
 * back before the first goes on.
 */
final class KernelDevices {
  private final Kvm kvm;
  private final VmFd vm;
  private final boolean irqchip;
  private @Nullable VmState paused;

  KernelDevices(Kvm kvm, VmFd vm, boolean irqchip) {
    this.kvm = kvm;
    this.vm = vm;
    this.irqchip = irqchip;
  }

  /** All vCPUs stand. */
  synchronized void pause() throws KvmException {
    paused = VmState.save(kvm, vm, irqchip, irqchip);
  }

  /** They are what a snapshot says. */
  synchronized void restored(VmState state) throws KvmException {
    state.restore(vm);
    paused = state;
  }

  /** The vCPUs are about to go on. */
  synchronized void resume() throws KvmException {
    if (paused != null) {
      paused.restoreTime(vm);
      paused = null;
    }
  }

  /** What they were when the last vCPU stood. */
  synchronized VmState state() throws KvmException {
    return paused == null ? VmState.save(kvm, vm, irqchip, irqchip) : paused;
  }
}
