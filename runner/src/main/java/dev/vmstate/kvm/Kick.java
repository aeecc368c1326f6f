package dev.vmstate.kvm;

import com.sun.jna.Memory;

/**
 * Gets a thread out of KVM_RUN: a signal that does nothing but interrupt.
 *
 * <p>The handler is a function of the C library's own that takes no notice of its argument and only
 * reads ({@code getpid}): Java code in a signal handler could meet the JVM in any state.
 */
final class Kick {
  /**
   * {@code struct sigaction}: the handler first, then a mask of 128 bytes, flags and a restorer.
   */
  private static final int SIGACTION_SIZE = 152;

  private static boolean installed;

  private Kick() {}

  /**
   * Takes SIGUSR1, whose default is to end the process. Without SA_RESTART: it has to interrupt.
   */
  static synchronized void install() throws KvmException {
    if (installed) {
      return;
    }
    try (Memory action = Descriptor.zeros(SIGACTION_SIZE)) {
      action.setLong(0, LibC.addressOf("getpid"));
      if (LibC.sigaction(LibC.SIGUSR1, action, null) != 0) {
        throw KvmException.of("sigaction", LibC.errno());
      }
    }
    installed = true;
  }

  /** The calling thread's number. */
  static int thisThread() {
    return (int) LibC.syscall(LibC.SYS_GETTID, 0, 0, 0);
  }

  /** Interrupts a thread of this process; one that has ended does not mind. */
  static void send(int thread) throws KvmException {
    if (LibC.syscall(LibC.SYS_TGKILL, LibC.getpid(), thread, LibC.SIGUSR1) != 0
        && LibC.errno() != LibC.ESRCH) {
      throw KvmException.of("tgkill", LibC.errno());
    }
  }
}
