package dev.vmstate.machine;

import java.io.IOException;
import java.io.OutputStream;

/** What a serial port sends: at once, or kept in the transmitter's FIFO while output is held. */
final class SerialOutput {
  private final OutputStream output;
  private final ByteQueue kept;
  private boolean held;

  SerialOutput(OutputStream output, int fifo) {
    this.output = output;
    this.kept = new ByteQueue(fifo);
  }

  /**
   * Sends a byte.
   *
   * @param room how many can be kept; the oldest is sent to make room
   * @return whether it is gone
   */
  boolean send(int b, int room) throws IOException {
    if (!held) {
      output.write(b);
      return true;
    }
    if (kept.count() == room) {
      output.write(kept.take());
    }
    kept.put(b);
    return false;
  }

  boolean empty() {
    return kept.count() == 0;
  }

  void hold() {
    held = true;
  }

  /** Sends what was kept, and from here on everything at once. */
  void release() throws IOException {
    held = false;
    drain();
  }

  /** Sends what was kept. */
  void drain() throws IOException {
    while (kept.count() > 0) {
      output.write(kept.take());
    }
  }

  /** What was kept. */
  ByteQueue kept() {
    return kept;
  }
}
