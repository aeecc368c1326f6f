package dev.vmstate.machine;

import java.io.IOException;
import java.nio.file.Path;

/** How machines are made. */
public final class Machine {
  private Machine() {}

  /**
   * A machine with a file in its memory, paused before the first instruction.
   *
   * @throws IOException when there is no KVM, or the file does not fit
   */
  public static MachineControl create(MachineOptions options, RunOptions run) throws IOException {
    throw new IOException("no machine yet: %s".formatted(options.payload()));
  }

  /**
   * The machine of a snapshot directory, paused where it was saved. The directory is only read, and
   * has to stay as long as the machine lives: its memory is mapped from there.
   *
   * @throws IOException when there is no KVM, or it refuses the state
   */
  public static MachineControl restore(Path directory, RunOptions run) throws IOException {
    throw new IOException("no machine yet: %s".formatted(directory));
  }
}
