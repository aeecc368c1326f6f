package dev.vmstate.kvm;

import com.sun.jna.Memory;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateStruct;
import dev.vmstate.kvmstate.StateValue;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A virtual CPU. It belongs to the thread that runs it: the kernel has every other wait until the
 * run ends, so here a call from another thread while it runs is an {@link IllegalStateException}.
 * Only {@link #kick} is for others.
 */
public final class VcpuFd extends Descriptor {
  private static final int XSAVE_SIZE = 4096;

  /** The kernel takes fewer than 256 at once. */
  private static final int MOST_MSRS = 128;

  private final int id;
  private final KvmRun run;
  private final StateStruct xsave;
  private final ReentrantLock mine = new ReentrantLock();
  private volatile @Nullable Thread running;
  private volatile int thread;
  private @Nullable Thread last;

  private VcpuFd(int fd, int id, KvmRun run, int xsaveSize) {
    super(fd);
    this.id = id;
    this.run = run;
    this.xsave = xsaveSize > XSAVE_SIZE ? KvmStructs.xsave(xsaveSize) : KvmArguments.XSAVE;
  }

  static VcpuFd of(int fd, int id, int mappingSize, int xsaveSize) throws KvmException {
    try {
      Kick.install();
      return new VcpuFd(fd, id, KvmRun.map(fd, mappingSize), xsaveSize);
    } catch (KvmException e) {
      LibC.close(fd);
      throw e;
    }
  }

  @Override
  String what() {
    return "vCPU " + id;
  }

  /** The number it was made with. */
  public int id() {
    return id;
  }

  /** Its page of exits. */
  public KvmRun exit() {
    return run;
  }

  /** Takes the vCPU for a call; waits for another call, but not for a run. */
  private void take() {
    while (!mine.tryLock()) {
      Thread other = running;
      if (other != null) {
        throw new IllegalStateException("%s runs in %s".formatted(what(), other));
      }
      Thread.onSpinWait();
    }
  }

  @Override
  int call(KvmIoctl ioctl, long argument) {
    take();
    try {
      return super.call(ioctl, argument);
    } finally {
      mine.unlock();
    }
  }

  /**
   * KVM_RUN: the guest goes on until an exit that somebody has to look at.
   *
   * @return true at an exit, {@link #exit} says which; false when a {@link #kick} or another signal
   *     came first: nothing is to be done then, and {@link #exit} is that of before
   */
  public boolean run() throws KvmException {
    take();
    int result;
    try {
      Thread current = Thread.currentThread();
      if (last != current) {
        thread = Kick.thisThread();
        last = current;
      }
      running = current;
      result = super.call(KvmIoctl.KVM_RUN, 0);
    } finally {
      running = null;
      mine.unlock();
    }
    if (result == -LibC.EINTR || result == -LibC.EAGAIN) {
      // EAGAIN: a vCPU that waits for its start-up interrupt was woken for nothing.
      return false;
    }
    if (result < 0) {
      throw KvmException.of("KVM_RUN", -result);
    }
    return true;
  }

  /**
   * Lets the instruction of the last exit be done to its end and no other begin, so that registers
   * say what they would after it. Before this, {@code rip} after an OUT is on some hosts behind the
   * instruction and on others on it, and what an IN or a load was given is in no register yet.
   *
   * @return true when it is done; false when it has another exit (of a load that crosses a page, or
   *     a string instruction) to look at, after which to call this again
   */
  public boolean complete() throws KvmException {
    run.immediateExit(true);
    try {
      return !run();
    } finally {
      run.immediateExit(false);
    }
  }

  /**
   * Ends {@link #run}, or the next if there is none now. From any thread. Whoever runs the vCPU has
   * to take it back with {@code exit().immediateExit(false)}, or it will not run again.
   */
  public void kick() throws KvmException {
    run.immediateExit(true);
    // The one who runs says so first and then reads the byte; this writes it first and then asks.
    VarHandle.fullFence();
    if (running != null) {
      Kick.send(thread);
    }
  }

  private StateValue read(KvmIoctl ioctl, StateStruct shape) throws KvmException {
    return get(ioctl, shape);
  }

  private void write(KvmIoctl ioctl, StateStruct shape, StateValue value) throws KvmException {
    set(ioctl, shape, value);
  }

  /** KVM_GET_REGS: {@link KvmStructs#REGS}. */
  public StateValue regs() throws KvmException {
    return read(KvmIoctl.KVM_GET_REGS, KvmStructs.REGS);
  }

  /** KVM_SET_REGS. */
  public void setRegs(StateValue regs) throws KvmException {
    write(KvmIoctl.KVM_SET_REGS, KvmStructs.REGS, regs);
  }

  /** KVM_GET_SREGS: {@link KvmStructs#SREGS}. */
  public StateValue sregs() throws KvmException {
    return read(KvmIoctl.KVM_GET_SREGS, KvmStructs.SREGS);
  }

  /** KVM_SET_SREGS; what it cannot have, a host may leave out in silence: read it back. */
  public void setSregs(StateValue sregs) throws KvmException {
    write(KvmIoctl.KVM_SET_SREGS, KvmStructs.SREGS, sregs);
  }

  /** KVM_GET_SREGS2: {@link KvmStructs#SREGS2}. */
  public StateValue sregs2() throws KvmException {
    return read(KvmIoctl.KVM_GET_SREGS2, KvmStructs.SREGS2);
  }

  /** KVM_SET_SREGS2. */
  public void setSregs2(StateValue sregs) throws KvmException {
    write(KvmIoctl.KVM_SET_SREGS2, KvmStructs.SREGS2, sregs);
  }

  /** KVM_GET_FPU: {@link KvmStructs#FPU}. */
  public StateValue fpu() throws KvmException {
    return read(KvmIoctl.KVM_GET_FPU, KvmStructs.FPU);
  }

  /** KVM_SET_FPU. */
  public void setFpu(StateValue fpu) throws KvmException {
    write(KvmIoctl.KVM_SET_FPU, KvmStructs.FPU, fpu);
  }

  /** The shape of {@link #xsave} on this host. */
  public StateStruct xsaveShape() {
    return xsave;
  }

  /** KVM_GET_XSAVE, or KVM_GET_XSAVE2 where the area has more than 4096 bytes. */
  public StateValue xsave() throws KvmException {
    return read(
        xsave.size() > XSAVE_SIZE ? KvmIoctl.KVM_GET_XSAVE2 : KvmIoctl.KVM_GET_XSAVE, xsave);
  }

  /** KVM_SET_XSAVE. */
  public void setXsave(StateValue area) throws KvmException {
    write(KvmIoctl.KVM_SET_XSAVE, xsave, area);
  }

  /** KVM_GET_XCRS: {@link KvmStructs#XCR}. */
  public List<StateValue> xcrs() throws KvmException {
    int size = KvmStructs.XCR.size();
    try (Memory memory = zeros(KvmArguments.XCRS_SIZE)) {
      ioctl(KvmIoctl.KVM_GET_XCRS, memory);
      List<StateValue> xcrs = new ArrayList<>();
      for (int i = 0; i < Math.min(KvmArguments.MOST_XCRS, memory.getInt(0)); i++) {
        long at = KvmArguments.XCRS_HEADER + (long) i * size;
        xcrs.add(KvmStructs.XCR.of(memory.getByteArray(at, size)));
      }
      return xcrs;
    }
  }

  /** KVM_SET_XCRS; a guest whose CPUID has no XSAVE has none to set. */
  public void setXcrs(List<StateValue> xcrs) throws KvmException {
    if (xcrs.size() > KvmArguments.MOST_XCRS) {
      throw new IllegalArgumentException("%d XCRs".formatted(xcrs.size()));
    }
    try (Memory list = list(KvmArguments.XCRS_HEADER, xcrs, xcrs.size(), KvmStructs.XCR);
        Memory memory = zeros(KvmArguments.XCRS_SIZE)) {
      memory.write(0, list.getByteArray(0, (int) list.size()), 0, (int) list.size());
      ioctl(KvmIoctl.KVM_SET_XCRS, memory);
    }
  }

  /**
   * KVM_GET_MSRS: {@link KvmStructs#MSR} for each index that this vCPU has; others are left out.
   */
  public List<StateValue> msrs(List<Integer> indices) throws KvmException {
    List<StateValue> read = new ArrayList<>();
    List<StateValue> left = new ArrayList<>();
    indices.forEach(index -> left.add(KvmStructs.MSR.zero().set("index", index)));
    // The kernel stops at the first that it cannot read and says how many came before it.
    while (!left.isEmpty()) {
      int count = Math.min(MOST_MSRS, left.size());
      int done;
      try (Memory memory =
          list(KvmArguments.LIST_HEADER, left.subList(0, count), count, KvmStructs.MSR)) {
        done = ioctl(KvmIoctl.KVM_GET_MSRS, memory);
        int size = KvmStructs.MSR.size();
        for (int i = 0; i < done; i++) {
          long at = KvmArguments.LIST_HEADER + (long) i * size;
          read.add(KvmStructs.MSR.of(memory.getByteArray(at, size)));
        }
      }
      left.subList(0, done < count ? done + 1 : done).clear();
    }
    return read;
  }

  /**
   * KVM_SET_MSRS, in this order, and on behind one that is refused.
   *
   * @return those that were refused
   */
  public List<StateValue> setMsrs(List<StateValue> msrs) throws KvmException {
    List<StateValue> refused = new ArrayList<>();
    List<StateValue> left = new ArrayList<>(msrs);
    while (!left.isEmpty()) {
      int count = Math.min(MOST_MSRS, left.size());
      int done;
      try (Memory memory =
          list(KvmArguments.LIST_HEADER, left.subList(0, count), count, KvmStructs.MSR)) {
        done = ioctl(KvmIoctl.KVM_SET_MSRS, memory);
      }
      if (done < count) {
        refused.add(left.get(done++));
      }
      left.subList(0, done).clear();
    }
    return refused;
  }

  /** KVM_GET_LAPIC: {@link KvmStructs#LAPIC}; only with the kernel's interrupt controller. */
  public StateValue lapic() throws KvmException {
    return read(KvmIoctl.KVM_GET_LAPIC, KvmStructs.LAPIC);
  }

  /** KVM_SET_LAPIC. */
  public void setLapic(StateValue lapic) throws KvmException {
    write(KvmIoctl.KVM_SET_LAPIC, KvmStructs.LAPIC, lapic);
  }

  /** KVM_GET_VCPU_EVENTS: {@link KvmStructs#EVENTS}. */
  public StateValue events() throws KvmException {
    return read(KvmIoctl.KVM_GET_VCPU_EVENTS, KvmStructs.EVENTS);
  }

  /** KVM_SET_VCPU_EVENTS. */
  public void setEvents(StateValue events) throws KvmException {
    write(KvmIoctl.KVM_SET_VCPU_EVENTS, KvmStructs.EVENTS, events);
  }

  /** KVM_GET_DEBUGREGS: {@link KvmStructs#DEBUGREGS}. */
  public StateValue debugregs() throws KvmException {
    return read(KvmIoctl.KVM_GET_DEBUGREGS, KvmStructs.DEBUGREGS);
  }

  /** KVM_SET_DEBUGREGS. */
  public void setDebugregs(StateValue debugregs) throws KvmException {
    write(KvmIoctl.KVM_SET_DEBUGREGS, KvmStructs.DEBUGREGS, debugregs);
  }

  /** KVM_GET_MP_STATE: 0 runs, 1 waits to be started, 3 halted. */
  public int mpState() throws KvmException {
    return (int) read(KvmIoctl.KVM_GET_MP_STATE, KvmStructs.MP_STATE).get("mp_state");
  }

  /** KVM_SET_MP_STATE. */
  public void setMpState(int state) throws KvmException {
    write(
        KvmIoctl.KVM_SET_MP_STATE,
        KvmStructs.MP_STATE,
        KvmStructs.MP_STATE.zero().set("mp_state", state));
  }

  /** KVM_GET_TSC_KHZ. */
  public int tscKhz() throws KvmException {
    return ioctl(KvmIoctl.KVM_GET_TSC_KHZ, 0);
  }

  /** KVM_SET_TSC_KHZ; most hosts can have no other frequency than their own. */
  public void setTscKhz(long khz) throws KvmException {
    ioctl(KvmIoctl.KVM_SET_TSC_KHZ, khz);
  }

  /** KVM_GET_CPUID2: {@link KvmStructs#CPUID}. */
  public List<StateValue> cpuid() throws KvmException {
    return Kvm.cpuid(this, KvmIoctl.KVM_GET_CPUID2);
  }

  /** KVM_SET_CPUID2: before the first run. */
  public void setCpuid(List<StateValue> entries) throws KvmException {
    try (Memory memory =
        list(KvmArguments.LIST_HEADER, entries, entries.size(), KvmStructs.CPUID)) {
      ioctl(KvmIoctl.KVM_SET_CPUID2, memory);
    }
  }

  /** KVM_INTERRUPT: of a machine without the kernel's interrupt controller. */
  public void interrupt(int vector) throws KvmException {
    write(
        KvmIoctl.KVM_INTERRUPT,
        KvmArguments.INTERRUPT,
        KvmArguments.INTERRUPT.zero().set("irq", vector));
  }

  /** KVM_NMI. */
  public void nmi() throws KvmException {
    ioctl(KvmIoctl.KVM_NMI, 0);
  }

  /**
   * Closes it; once, however often it is called.
   *
   * @throws IllegalStateException while it runs
   */
  @Override
  public void close() {
    take();
    try {
      run.unmap();
      super.close();
    } finally {
      mine.unlock();
    }
  }
}
