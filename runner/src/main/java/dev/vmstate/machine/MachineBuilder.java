package dev.vmstate.machine;

import dev.vmstate.kvm.Kvm;
import dev.vmstate.kvm.KvmException;
import dev.vmstate.kvm.VcpuFd;
import dev.vmstate.kvm.VmFd;
import dev.vmstate.kvmdir.MachineConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Puts a machine together in the order that KVM needs: addresses that Intel's processors want,
 * interrupt controllers, RAM, vCPUs. What was opened is closed again when a step fails.
 */
final class MachineBuilder implements AutoCloseable {
  /** A page for Intel's processors, where QEMU has it; in the hole below 4 GiB. */
  private static final long IDENTITY_MAP = 0xfffbc000L;

  /** Three pages for them. */
  private static final long TSS = 0xfffbd000L;

  private static final int SERIAL_IRQ = 4;
  private static final int PIC_PINS = 8;
  private static final int IOAPIC_PINS = 24;
  private static final int CASCADE = 2;

  private final MachineConfig config;
  private final RunOptions run;
  private final Kvm kvm;
  private final RunState state;
  private final List<VcpuThread> vcpus = new ArrayList<>();
  private @Nullable VmFd vm;
  private @Nullable GuestRam ram;
  private @Nullable KernelDevices kernel;
  private @Nullable Board board;
  private boolean done;

  MachineBuilder(MachineConfig config, RunOptions run) throws KvmException {
    this.config = config;
    this.run = run;
    this.kvm = Kvm.open();
    this.state = new RunState(this::stopped);
  }

  Kvm kvm() {
    return kvm;
  }

  /** The machine without RAM and vCPUs. */
  VmFd vm() throws KvmException {
    if (vm == null) {
      VmFd made = kvm.createVm();
      vm = made;
      made.setIdentityMapAddress(IDENTITY_MAP);
      made.setTssAddress(TSS);
      if (config.irqchip()) {
        made.createIrqchip();
        made.createPit2(VmFd.PIT_SPEAKER_DUMMY);
        made.setRouting(routes());
      }
    }
    return vm;
  }

  /** Its devices in the kernel. */
  KernelDevices kernel() throws KvmException {
    if (kernel == null) {
      kernel = new KernelDevices(kvm, vm(), config.irqchip());
    }
    return kernel;
  }

  /** As in a PC: interrupt n is pin n of PICs and IOAPIC, but the timer's is the IOAPIC's pin 2. */
  private static List<VmFd.Route> routes() {
    List<VmFd.Route> routes = new ArrayList<>();
    for (int i = 0; i < 2 * PIC_PINS; i++) {
      if (i != CASCADE) {
        int chip = i < PIC_PINS ? VmFd.PIC_MASTER : VmFd.PIC_SLAVE;
        routes.add(new VmFd.Route(i, chip, i % PIC_PINS));
      }
    }
    for (int i = 0; i < IOAPIC_PINS; i++) {
      if (i != CASCADE) {
        routes.add(new VmFd.Route(i, VmFd.IOAPIC, i == 0 ? CASCADE : i));
      }
    }
    return routes;
  }

  /** Gives the machine its RAM, which is closed with it. */
  GuestRam ram(GuestRam made) throws KvmException {
    ram = made;
    made.map(vm());
    return made;
  }

  /** Its devices outside the kernel. */
  Board board() throws IOException {
    if (board == null) {
      VmFd machine = vm();
      board =
          new Board(
              run.console(),
              config.serial(),
              config.debugPort(),
              mmio(config),
              config.irqchip() ? high -> machine.irqLine(SERIAL_IRQ, high) : IrqLine.NONE);
    }
    return board;
  }

  private static List<MmioRange> mmio(MachineConfig config) throws IOException {
    try {
      return config.mmio().stream().map(m -> new MmioRange(m.base(), m.size())).toList();
    } catch (IllegalArgumentException e) {
      throw new IOException("%s: %s".formatted(MachineConfig.FILE, e.getMessage()));
    }
  }

  private void stopped(StopReason why) {
    Board devices = board;
    try {
      if (devices != null) {
        devices.flush();
      }
      if (why.kind() != StopReason.Kind.CLOSED) {
        kernel().pause();
      }
    } catch (IOException e) {
      state.spoil(StopReason.failed("while it stopped", e));
    }
  }

  /** Sets up a vCPU, by its thread. */
  interface Setup {
    void set(VcpuThread vcpu, VcpuFd fd) throws IOException;
  }

  /** The machine, its vCPUs set up one after the other. */
  KvmMachine machine(Setup setup) throws IOException {
    GuestRam memory = ram;
    if (memory == null) {
      throw new IllegalStateException("no RAM");
    }
    PauseChecks checks = new PauseChecks(run.pauses());
    ExitTrace trace = trace();
    for (int i = 0; i < config.cpus(); i++) {
      VcpuFd fd = vm().createVcpu(i);
      VcpuExits exits = new VcpuExits(i, fd, board(), memory, state, checks, trace);
      VcpuThread vcpu = new VcpuThread(i, fd, exits, state);
      vcpus.add(vcpu);
      vcpu.call(
          own -> {
            setup.set(vcpu, own);
            return true;
          });
    }
    KvmMachine machine =
        new KvmMachine(
            new KvmMachine.Parts(kvm, vm(), kernel(), memory, board(), config, state, checks),
            vcpus,
            run.console());
    done = true;
    return machine;
  }

  private @Nullable ExitTrace trace() {
    Optional<ExitTrace> trace = run.trace();
    if (trace.isEmpty() || config.cpus() == 1) {
      return trace.orElse(null);
    }
    ExitTrace told = trace.get();
    return (vcpu, kind, address, size, write, value) -> {
      synchronized (told) {
        told.exit(vcpu, kind, address, size, write, value);
      }
    };
  }

  /** Gives back everything, unless a machine was made of it. */
  @Override
  public void close() {
    if (done) {
      return;
    }
    vcpus.forEach(VcpuThread::close);
    if (vm != null) {
      vm.close();
    }
    if (ram != null) {
      ram.close();
    }
    kvm.close();
  }

  /** The configuration of a machine that is made from options. */
  static MachineConfig config(MachineOptions options, BootMode mode) {
    return new MachineConfig(
        options.cpus(),
        options.cpus(),
        options.memory(),
        Optional.of(new MachineConfig.Payload(options.payload().toString(), mode.text())),
        options.irqchip(),
        OptionalInt.of(MachineOptions.SERIAL),
        OptionalInt.of(options.debugPort()),
        options.mmio().stream().map(m -> new MachineConfig.Mmio(m.base(), m.size())).toList());
  }
}
