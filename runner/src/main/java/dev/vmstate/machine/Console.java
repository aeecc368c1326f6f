package dev.vmstate.machine;

import java.io.InputStream;
import java.io.OutputStream;

/**
 * Where the serial port's and the debug port's bytes go and where the serial port's come from.
 *
 * <p>Output is written byte by byte, by a vCPU's thread, and flushed when the guest waits for
 * input, when the machine stops, and soon after the last byte: give a buffered stream unless every
 * byte has to be seen at once. Input is read by a thread of its own, never more than the port can
 * take (16 bytes with FIFOs, one without), so that nothing is lost with a snapshot. A read that
 * blocks does not hinder anything; the thread is a daemon that ends with the next byte after the
 * machine was closed. Neither stream is closed.
 *
 * @param output of the serial port
 * @param debug of the debug port; may be the same stream
 * @param input whose end is no error: the guest then sees a line that stays silent
 */
public record Console(OutputStream output, OutputStream debug, InputStream input) {
  /** A console that prints nothing and has no input. */
  public static Console none() {
    OutputStream nowhere = OutputStream.nullOutputStream();
    return new Console(nowhere, nowhere, InputStream.nullInputStream());
  }
}
