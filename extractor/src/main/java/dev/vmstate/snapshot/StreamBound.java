package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.compress.ForwardSource;

/**
 * How much of a compressed stream or a pipe is read, at most. Nothing says how long a stream is;
 * but it says how much RAM there is, and a stopped machine sends each page once. A running one
 * sends pages again, seldom all of them ten times. What goes on for longer never ends: a few
 * hundred bytes may be compressed zeros for hours.
 */
final class StreamBound {
  /** Passes over RAM that are read. */
  private static final long READ = 32;

  /** Passes that are put on disk. */
  private static final long SPILLED = 8;

  /** Devices, other live sections, padding behind the end. */
  private static final long BESIDES = 1L << 30;

  private StreamBound() {}

  /** Bounds {@code stream}, if it comes from front to back. */
  static void set(ByteSource stream, long ramBytes) {
    if (stream instanceof ForwardSource forward) {
      String why =
          "the stream declares 0x%x bytes of RAM, but goes on to here: if it is no decompression bomb,"
              + " decompress it into a file yourself, and name that";
      forward.limit(bytes(ramBytes, READ), bytes(ramBytes, SPILLED), why.formatted(ramBytes));
    }
  }

  private static long bytes(long ramBytes, long passes) {
    return ramBytes > (ByteSource.UNKNOWN_SIZE - BESIDES) / passes
        ? ByteSource.UNKNOWN_SIZE - 1
        : ramBytes * passes + BESIDES;
  }
}
