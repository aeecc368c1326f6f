package dev.vmstate.machine;

import java.io.IOException;

/** A device of 8-bit ports. */
interface PortDevice {
  /** Reads a port, counted from the device's first. */
  int read(int offset) throws IOException;

  /** Writes the low eight bits of {@code value}. */
  void write(int offset, int value) throws IOException;

  /**
   * From here on output is kept in the device, as state, instead of being put out; the oldest is
   * put out when the device has no room for more.
   */
  void hold();

  /** Puts out what was kept and goes on as before. */
  void release() throws IOException;
}
