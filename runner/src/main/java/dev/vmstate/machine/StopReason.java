package dev.vmstate.machine;

import java.util.List;

/**
 * Why a machine does not run.
 *
 * @param kind in a word
 * @param vcpu the number of the vCPU that stopped it; -1 when none did
 * @param text one line without a full stop, for a person
 * @param details further lines: registers and the bytes at {@code rip} of a failure
 */
public record StopReason(Kind kind, int vcpu, String text, List<String> details) {
  /** The kinds. */
  public enum Kind {
    /** It has not run since it was made or restored. */
    READY,
    /** Somebody called {@link MachineControl#pause}. */
    REQUESTED,
    /** A {@link PauseCondition} came true. */
    CONDITION,
    /** Every vCPU halted and nothing can wake one. */
    HALTED,
    /** The guest shut down: mostly a triple fault. */
    SHUTDOWN,
    /** KVM cannot go on, or a device failed. */
    FAILED,
    /** {@link MachineControl#close} was called. */
    CLOSED;

    /** The state of a machine that stopped so. */
    public MachineControl.State state() {
      return switch (this) {
        case READY, REQUESTED, CONDITION -> MachineControl.State.PAUSED;
        case HALTED, SHUTDOWN, FAILED, CLOSED -> MachineControl.State.ENDED;
      };
    }
  }

  /** Keeps a copy of the lines. */
  public StopReason {
    details = List.copyOf(details);
  }

  static StopReason of(Kind kind, String text) {
    return new StopReason(kind, -1, text, List.of());
  }

  /** Something failed that no vCPU did. */
  static StopReason failed(String what, Exception why) {
    return of(Kind.FAILED, "%s: %s".formatted(what, why.getMessage()));
  }
}
