package dev.vmstate.compress;

import java.io.IOException;
import java.io.InputStream;

/** Where the bytes of a {@link ForwardSource} come from. */
public interface Feed {
  /** The bytes from the first on; what was opened before is closed. */
  InputStream open() throws IOException;

  /** Whether {@link #open} can be called again: not for a pipe. */
  boolean again();

  /** Bytes of the file that are behind what was opened last, to show how far it is. */
  long consumed();

  /** All was read: what the file has besides may be passed over. */
  default void finish() throws IOException {}
}
