package dev.vmstate.terminal;

import com.sun.jna.Platform;
import java.io.Closeable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * Standard input as a guest's serial line wants it: every key at once, none of them echoed or
 * translated. What was set before is put back by {@link #close}, at the latest when the JVM ends; a
 * SIGKILL leaves it as it is, and {@code stty sane} helps.
 *
 * <p>Signals are still made of Ctrl-C, Ctrl-Z and Ctrl-\ (ISIG stays), so the guest does not get
 * these three; output is left alone (OPOST stays), so that a note's line feed is a new line. While
 * the process is stopped by Ctrl-Z the terminal is as it was before.
 */
public final class RawTerminal implements Closeable {
  private static final int STDIN = 0;

  /** Not TCSADRAIN, which waits for a terminal whose output was stopped. */
  private static final int TCSANOW = 0;

  // struct termios of Linux: four flag words, c_line, c_cc[32], two speeds.
  private static final int TERMIOS = 60;
  private static final int IFLAG = 0;
  private static final int CFLAG = 8;
  private static final int LFLAG = 12;
  private static final int CC = 17;
  private static final int VTIME = 5;
  private static final int VMIN = 6;

  /** IGNBRK, BRKINT, PARMRK, ISTRIP, INLCR, IGNCR, ICRNL, IXON. */
  private static final int INPUT = 01 | 02 | 010 | 040 | 0100 | 0200 | 0400 | 02000;

  /** ICANON, ECHO, ECHONL, IEXTEN. */
  private static final int LOCAL = 02 | 010 | 0100 | 0100000;

  /** CSIZE and PARENB, and CS8. */
  private static final int CONTROL = 060 | 0400;

  private static final int CS8 = 060;
  private static final int SIGSTOP = 19;

  private final byte[] before;
  private final byte[] raw;
  private final Thread atExit = new Thread(this::restore, "restore-terminal");
  private final Signals signals = new Signals();
  private boolean closed;

  private RawTerminal(byte[] before) {
    this.before = before.clone();
    this.raw = raw(before);
  }

  /**
   * Makes standard input raw; empty when that is no terminal, or the terminal of others: a process
   * in the background may not touch it.
   */
  public static Optional<RawTerminal> open() {
    // Elsewhere a termios is laid out, and as long as, others want it.
    if (!Platform.isLinux() || !Platform.isIntel()) {
      return Optional.empty();
    }
    byte[] termios = new byte[TERMIOS];
    try {
      if (TerminalLibC.tcgetattr(STDIN, termios) != 0 || !foreground()) {
        return Optional.empty();
      }
    } catch (LinkageError e) {
      // The C library cannot be called, so no guest will run here: opening /dev/kvm says why.
      return Optional.empty();
    }
    RawTerminal terminal = new RawTerminal(termios);
    Runtime.getRuntime().addShutdownHook(terminal.atExit);
    // Putting it back from the background would stop the process that is about to end.
    terminal.signals.ignore("TTOU");
    terminal.signals.handle("TSTP", terminal::stop);
    terminal.signals.handle("CONT", terminal::again);
    terminal.again();
    return Optional.of(terminal);
  }

  private static boolean foreground() {
    return TerminalLibC.tcgetpgrp(STDIN) == TerminalLibC.getpgrp();
  }

  private static byte[] raw(byte[] before) {
    ByteBuffer termios = ByteBuffer.wrap(before.clone()).order(ByteOrder.nativeOrder());
    termios.putInt(IFLAG, termios.getInt(IFLAG) & ~INPUT);
    termios.putInt(CFLAG, termios.getInt(CFLAG) & ~CONTROL | CS8);
    termios.putInt(LFLAG, termios.getInt(LFLAG) & ~LOCAL);
    termios.put(CC + VMIN, (byte) 1).put(CC + VTIME, (byte) 0);
    return termios.array();
  }

  /** Ctrl-Z: the shell gets its terminal as it was; {@code fg} goes on in {@link #again}. */
  private void stop() {
    restore();
    TerminalLibC.kill(TerminalLibC.getpid(), SIGSTOP);
  }

  private synchronized void again() {
    if (!closed && foreground()) {
      TerminalLibC.tcsetattr(STDIN, TCSANOW, raw);
    }
  }

  private synchronized void restore() {
    TerminalLibC.tcsetattr(STDIN, TCSANOW, before);
  }

  /** Puts the terminal back. */
  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    restore();
    signals.close();
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // the JVM is on its way out: the hook does the same once more
    }
  }
}
