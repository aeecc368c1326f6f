package dev.vmstate.machine;

import java.util.List;
import java.util.Optional;

/**
 * How a machine is run, which is no part of it.
 *
 * @param console of its ports
 * @param trace told every exit
 * @param pauses when it stops by itself
 */
public record RunOptions(Console console, Optional<ExitTrace> trace, List<PauseCondition> pauses) {
  /** Keeps a copy. */
  public RunOptions {
    pauses = List.copyOf(pauses);
  }

  /** With that console, without trace and pauses. */
  public static RunOptions of(Console console) {
    return new RunOptions(console, Optional.empty(), List.of());
  }

  /** Told every exit. */
  public RunOptions withTrace(ExitTrace with) {
    return new RunOptions(console, Optional.of(with), pauses);
  }

  /** Stopping by itself. */
  public RunOptions withPauses(List<PauseCondition> with) {
    return new RunOptions(console, trace, with);
  }
}
