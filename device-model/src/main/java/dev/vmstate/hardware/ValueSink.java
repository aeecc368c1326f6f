package dev.vmstate.hardware;

import java.io.IOException;

/** Takes the values of one array or buffer, in order and without gaps. */
interface ValueSink {
  /** {@code count} times the same value, from index {@code first} on; {@code line} says so. */
  void run(long first, long count, long value, int line) throws IOException;

  /** All values have come. */
  void end() throws IOException;
}
