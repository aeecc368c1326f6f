package dev.vmstate.machine;

import java.io.IOException;
import java.nio.file.Path;

/**
 * What can be done with a machine, by any thread. One that was just made or restored is paused; one
 * whose guest halted, shut down or failed has ended: its registers and its memory can still be
 * looked at, until it is closed.
 */
public interface MachineControl extends AutoCloseable {
  /** What a machine is doing. */
  enum State {
    /** Every vCPU stands, in a state that can be saved. */
    PAUSED,
    /** At least one vCPU runs, or waits for an interrupt or for input. */
    RUNNING,
    /** It will not run again. */
    ENDED
  }

  /** What it is doing now. */
  State state();

  /**
   * Lets every vCPU run. What a pause at an output held back is put out first. Does nothing when it
   * runs already.
   *
   * @throws IOException when it has ended, or was closed
   */
  void resume() throws IOException;

  /**
   * Stops every vCPU and comes back when all stand. Does nothing when it is paused or has ended.
   *
   * @throws IOException when KVM refuses to complete what a vCPU was at; it has failed then
   */
  void pause() throws IOException;

  /**
   * Saves a machine that stands, which stays as it is: paused or, to be looked at, ended. Nothing
   * is left under the name when this fails.
   *
   * @param directory which must not exist
   * @throws IOException also when the machine runs or is closed
   */
  void snapshot(Path directory) throws IOException;

  /** What it is made of and, unless it runs, its registers. */
  MachineInfo info() throws IOException;

  /**
   * Waits while it runs.
   *
   * @return why it stopped last; at once when it does not run
   */
  StopReason await() throws InterruptedException;

  /**
   * Waits until it has ended or was closed: across pauses.
   *
   * @return why
   */
  StopReason awaitEnd() throws InterruptedException;

  /** Ends it: threads, descriptors and mappings are given back. Any number of times. */
  @Override
  void close();
}
