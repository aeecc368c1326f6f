package dev.vmstate.machine;

import dev.vmstate.kvmstate.MachineStructs;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.io.OutputStream;

/**
 * The port that Bochs and QEMU (hw/char/debugcon.c) have for a firmware's messages: what is written
 * is put out, and it reads as 0xe9, by which a guest knows that it is there.
 */
final class DebugPort implements PortDevice {
  private static final int PRESENT = 0xe9;

  private final OutputStream output;
  private boolean held;
  private int count;
  private int kept;

  DebugPort(OutputStream output) {
    this.output = output;
  }

  @Override
  public synchronized int read(int offset) {
    return PRESENT;
  }

  @Override
  public synchronized void write(int offset, int value) throws IOException {
    if (!held) {
      output.write(value);
      return;
    }
    put();
    kept = value & 0xff;
    count = 1;
  }

  @Override
  public synchronized void hold() {
    held = true;
  }

  @Override
  public synchronized void release() throws IOException {
    held = false;
    put();
  }

  private void put() throws IOException {
    if (count > 0) {
      count = 0;
      output.write(kept);
    }
  }

  /** What a snapshot keeps of it. */
  synchronized StateValue state() {
    return MachineStructs.DEBUG_PORT.zero().set("count", count).set("data", kept);
  }

  /** Becomes what a snapshot kept. */
  synchronized void restore(StateValue state) {
    held = true;
    count = Math.min(1, (int) state.get("count"));
    kept = (int) state.get("data");
  }
}
