package dev.vmstate.cli;

import dev.vmstate.control.MachineSession;
import dev.vmstate.machine.MachineControl;
import dev.vmstate.terminal.Signals;
import java.io.Closeable;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Ctrl-C and its kin while a guest runs: the first pauses it, the next, or the first while it is
 * paused, ends it. After that they do what they always do to a process, should it not end.
 *
 * <p>SIGTERM ends at once where nobody could do anything with a paused guest: without a snapshot to
 * write and without a socket. SIGHUP, whose sender is gone, pauses and ends.
 */
final class GuestSignals implements Closeable {
  private static final int HUP = 1;
  private static final int INT = 2;
  private static final int TERM = 15;

  private final MachineSession session;
  private final boolean pauseOnTerm;
  private final Signals signals = new Signals();
  private final AtomicInteger paused = new AtomicInteger();
  private final AtomicInteger ended = new AtomicInteger();
  private long resumes;

  GuestSignals(MachineSession session, boolean pauseOnTerm) {
    this.session = session;
    this.pauseOnTerm = pauseOnTerm;
    signals.handle("INT", () -> came(INT));
    signals.handle("TERM", () -> came(TERM));
    signals.handleUnlessIgnored("HUP", () -> came(HUP));
  }

  private void came(int signal) {
    if (!first() || signal == TERM && !pauseOnTerm) {
      ended.compareAndSet(0, signal);
      session.end();
      signals.close();
      return;
    }
    paused.set(signal);
    if (signal == HUP) {
      ended.compareAndSet(0, signal);
    }
    try {
      session.pause();
    } catch (IOException | IllegalStateException e) {
      // it has ended or failed meanwhile, and whoever waits for that tells why
    }
  }

  /**
   * Whether it runs, and was not already asked to pause since it does. Whoever asked may still
   * wait, for a vCPU that waits for a pipe to be read, say: then the machine is not asked how it
   * is, and nothing here waits for it.
   */
  private boolean first() {
    synchronized (this) {
      long now = session.resumes();
      if (now == resumes) {
        return false;
      }
      resumes = now;
    }
    return session.state() == MachineControl.State.RUNNING;
  }

  /** The signal it is paused for, once: {@code SIGINT}; empty when it is another reason. */
  String takePaused() {
    return name(paused.getAndSet(0));
  }

  /** Whether it is to end even if it could stay paused. */
  boolean ends() {
    return ended.get() != 0;
  }

  /** {@code 128 + signal} as a shell has it, or 0 when none ended it. */
  int status() {
    return ended.get() == 0 ? 0 : 128 + ended.get();
  }

  /** The one that ended it. */
  String endedBy() {
    return name(ended.get());
  }

  private static String name(int signal) {
    return switch (signal) {
      case HUP -> "SIGHUP";
      case INT -> "SIGINT";
      case TERM -> "SIGTERM";
      default -> "";
    };
  }

  @Override
  public void close() {
    signals.close();
  }
}
