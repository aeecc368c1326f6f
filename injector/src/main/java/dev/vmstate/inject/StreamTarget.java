package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Takes the changes of a stream: bytes replaced where they stand, records added behind RAM. */
interface StreamTarget {
  /** Replaces bytes; offsets count in the old stream. */
  void patch(Patch patch) throws IOException;

  /** Adds bytes at the place where RAM records can be added, behind what was added before. */
  void append(ByteBuffer bytes) throws IOException;
}
