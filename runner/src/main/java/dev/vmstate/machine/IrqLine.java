package dev.vmstate.machine;

import java.io.IOException;

/** An interrupt line of a device. */
@FunctionalInterface
interface IrqLine {
  /** A line that leads nowhere. */
  IrqLine NONE = high -> {};

  /** Raises or lowers it; told changes only. */
  void set(boolean high) throws IOException;
}
