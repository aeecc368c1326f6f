package dev.vmstate.machine;

import java.io.IOException;
import java.io.InputStream;

/** Reads the console's input for a serial port, as much as that has room for. */
final class InputPump {
  private static final int MOST = 1024;

  private final Serial16550 serial;
  private final InputStream input;
  private final Thread thread;
  private volatile boolean stopped;

  InputPump(Serial16550 serial, InputStream input) {
    this.serial = serial;
    this.input = input;
    this.thread = new Thread(this::main, "serial-input");
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  private void main() {
    byte[] bytes = new byte[MOST];
    try {
      while (!stopped) {
        int room = serial.awaitRoom(() -> stopped);
        int got = room == 0 ? 0 : input.read(bytes, 0, Math.min(room, MOST));
        if (got < 0) {
          break;
        }
        serial.arrive(bytes, got);
      }
    } catch (IOException e) {
      // A line that broke is silent, like one that ended: the guest's output tells its story.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    serial.end();
  }

  /** Ends the thread, or has it end with the next byte where a read cannot be interrupted. */
  void stop() {
    stopped = true;
    serial.wake();
    thread.interrupt();
  }
}
