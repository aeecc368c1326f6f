package dev.vmstate.terminal;

import com.sun.jna.Native;

/** The C library's functions on terminals, of Linux. */
final class TerminalLibC {
  static {
    Native.register(TerminalLibC.class, "c");
  }

  private TerminalLibC() {}

  /** {@code termios}: a {@code struct termios}. */
  static native int tcgetattr(int fd, byte[] termios);

  static native int tcsetattr(int fd, int when, byte[] termios);

  static native int tcgetpgrp(int fd);

  static native int getpgrp();

  static native int getpid();

  static native int kill(int pid, int signal);
}
