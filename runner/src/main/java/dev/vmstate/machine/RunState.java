package dev.vmstate.machine;

import dev.vmstate.kvm.KvmException;
import java.util.List;
import java.util.function.Consumer;

/**
 * Whether a machine runs, and the way between: one asks all vCPUs to stop, and it has stopped when
 * the last one stands.
 */
final class RunState {
  private final Consumer<StopReason> stopped;
  private List<VcpuThread> vcpus = List.of();
  private MachineControl.State state = MachineControl.State.PAUSED;
  private StopReason reason =
      StopReason.of(StopReason.Kind.READY, "it has not run since it was made or restored");
  private volatile boolean stopWanted = true;
  private boolean asked;
  private StopReason wanted = reason;
  private int running;

  /** {@code stopped} is told when all stand, before anybody who waits is. */
  RunState(Consumer<StopReason> stopped) {
    this.stopped = stopped;
  }

  /** The vCPUs, once they are there. */
  synchronized void vcpus(List<VcpuThread> all) {
    vcpus = List.copyOf(all);
  }

  /** Whether vCPUs have to stop: asked before each run, and behind everything that waits. */
  boolean stopWanted() {
    return stopWanted;
  }

  synchronized MachineControl.State state() {
    return state;
  }

  synchronized StopReason reason() {
    return reason;
  }

  /** Lets all vCPUs go. Only when paused. */
  synchronized void start() {
    state = MachineControl.State.RUNNING;
    asked = false;
    stopWanted = false;
    running = vcpus.size();
    vcpus.forEach(VcpuThread::go);
  }

  /** Asks all vCPUs to stop; the first reason counts, but an end more than a pause. */
  synchronized void stop(StopReason why) {
    if (state != MachineControl.State.RUNNING) {
      return;
    }
    if (!asked || ends(why) && !ends(wanted)) {
      wanted = why;
    }
    asked = true;
    stopWanted = true;
    for (VcpuThread vcpu : vcpus) {
      try {
        vcpu.kick();
      } catch (KvmException e) {
        // A thread of this process that runs can be signalled; it stops at its next exit at least.
        wanted = StopReason.failed("a vCPU cannot be stopped", e);
      }
    }
  }

  /** Makes a machine that does not run one that has ended. */
  synchronized void end(StopReason why) {
    if (state == MachineControl.State.PAUSED) {
      state = MachineControl.State.ENDED;
      reason = why;
    }
    notifyAll();
  }

  private static boolean ends(StopReason why) {
    return why.kind().state() == MachineControl.State.ENDED;
  }

  /** A vCPU's thread says that it stands. */
  void stands() {
    synchronized (this) {
      if (--running > 0) {
        return;
      }
      if (!asked) {
        wanted = StopReason.of(StopReason.Kind.HALTED, "halted, and nothing is there to wake it");
        asked = true;
        stopWanted = true;
      }
    }
    // Outside the lock: output may take its time, and others may want to know the state.
    stopped.accept(wanted());
    synchronized (this) {
      reason = wanted;
      state = reason.kind().state();
      notifyAll();
    }
  }

  private synchronized StopReason wanted() {
    return wanted;
  }

  /** What went wrong while it stopped counts more than why it did. */
  synchronized void spoil(StopReason why) {
    wanted = why;
  }

  synchronized StopReason await() throws InterruptedException {
    while (state == MachineControl.State.RUNNING) {
      wait();
    }
    return reason;
  }

  synchronized StopReason awaitEnd() throws InterruptedException {
    while (state != MachineControl.State.ENDED) {
      wait();
    }
    return reason;
  }

  /** Waits for it to stand whatever comes; an interrupt is kept for later. */
  void awaitQuietly() {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          await();
          return;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
