package dev.vmstate.control;

import dev.vmstate.machine.MachineControl;
import dev.vmstate.machine.MachineInfo;
import dev.vmstate.machine.StopReason;
import java.io.IOException;
import java.nio.file.Path;

/**
 * A machine that several hold at once: who started it, those who send signals, clients of its
 * socket. One of them pauses, resumes or saves at a time; asking it how it is waits for nobody.
 *
 * <p>Nobody but who started it closes the machine. The others ask for its end: it is paused, and
 * whoever waits here learns of it while its registers can still be read.
 */
public final class MachineSession {
  private final MachineControl machine;
  private final Object verbs = new Object();

  // Guarded by this.
  private long resumes;
  private boolean ending;

  /** Over a machine that was just made. */
  public MachineSession(MachineControl machine) {
    this.machine = machine;
  }

  /**
   * Lets it run; does nothing when it does.
   *
   * @throws IllegalStateException when it has ended, or is about to
   */
  public void resume() throws IOException {
    synchronized (verbs) {
      notEnded();
      if (isEnding()) {
        throw new IllegalStateException("the machine is about to end");
      }
      machine.resume();
      synchronized (this) {
        resumes++;
        notifyAll();
      }
    }
  }

  /**
   * Stops it; does nothing when it is paused.
   *
   * @throws IllegalStateException when it has ended
   */
  public void pause() throws IOException {
    synchronized (verbs) {
      notEnded();
      machine.pause();
    }
  }

  /**
   * Saves it as a new directory.
   *
   * @throws IllegalStateException when it runs or has ended
   */
  public void snapshot(Path directory) throws IOException {
    synchronized (verbs) {
      notEnded();
      if (machine.state() == MachineControl.State.RUNNING) {
        throw new IllegalStateException("the machine runs: pause it first");
      }
      machine.snapshot(directory);
    }
  }

  /** How it is. */
  public MachineInfo info() throws IOException {
    return machine.info();
  }

  /** What it is doing. */
  public MachineControl.State state() {
    return machine.state();
  }

  private void notEnded() {
    if (machine.state() == MachineControl.State.ENDED) {
      throw new IllegalStateException("the machine has ended");
    }
  }

  /** Asks for the end: comes back at once, the machine is paused soon. */
  public void end() {
    synchronized (this) {
      if (ending) {
        return;
      }
      ending = true;
      notifyAll();
    }
    Thread pausing =
        new Thread(
            () -> {
              try {
                machine.pause();
              } catch (IOException e) {
                // it has failed, so it does not run either; why is what it says it stopped for
              }
            },
            "end");
    pausing.setDaemon(true);
    pausing.start();
  }

  /** Whether somebody asked for the end. */
  public synchronized boolean isEnding() {
    return ending;
  }

  /** How often it was let run, for {@link #awaitChange}. */
  public synchronized long resumes() {
    return resumes;
  }

  /**
   * Waits while it runs.
   *
   * @return why it stopped
   */
  public StopReason awaitStop() throws InterruptedException {
    return machine.await();
  }

  /** Waits until somebody let it run again since {@code seen}, or asked for the end. */
  public synchronized void awaitChange(long seen) throws InterruptedException {
    while (resumes == seen && !ending) {
      wait();
    }
  }
}
