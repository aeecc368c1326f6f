package dev.vmstate.machine;

/**
 * A 16550's modem control and status. Outside loopback somebody is there: clear to send, data set
 * ready, carrier detected. In loopback DTR, RTS, OUT1 and OUT2 are DSR, CTS, RI and DCD.
 */
final class ModemLines {
  private static final int OUT2 = 8;
  private static final int LOOP = 0x10;
  private static final int CONTROL = 0x1f;
  private static final int LINES = 0xf0;
  private static final int DELTAS = 0xf;
  private static final int RING = 0x40;
  private static final int PRESENT = 0xb0;

  private int control;
  private int status = PRESENT;

  int control() {
    return control;
  }

  void control(int value) {
    control = value & CONTROL;
    lines(loop() ? looped() : PRESENT);
  }

  private int looped() {
    return (control & 1) << 5 | (control & 2) << 3 | (control & 4) << 4 | (control & 8) << 4;
  }

  private void lines(int now) {
    int changed = (status ^ now) & LINES;
    // The ring indicator's delta is its trailing edge alone.
    if ((changed & RING) != 0 && (now & RING) != 0) {
      changed &= ~RING;
    }
    status = now | status & DELTAS | changed >> 4;
  }

  /** Whether the port talks to itself. */
  boolean loop() {
    return (control & LOOP) != 0;
  }

  /** Whether a PC lets the port's interrupt through. */
  boolean interrupts() {
    return (control & OUT2) != 0;
  }

  /** Whether a line has changed since the status was read. */
  boolean changed() {
    return (status & DELTAS) != 0;
  }

  /** MSR as it is. */
  int status() {
    return status;
  }

  /** MSR as the guest reads it, which forgets what has changed. */
  int readStatus() {
    int value = status;
    status &= LINES;
    return value;
  }

  /** Becomes what a snapshot kept. */
  void restore(int mcr, int msr) {
    control = mcr & CONTROL;
    status = msr;
  }
}
