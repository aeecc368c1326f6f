package dev.vmstate.inject;

import java.io.IOException;

/** Changes of a migration stream, in stream offsets. */
interface StreamEdits {
  /** Where appended page records go: the place of the EOS word that ends the RAM section. */
  long appendAt() throws IOException;

  /** By how many bytes the stream gets shorter; then what is told are its bytes as they will be. */
  default long shrinks() throws IOException {
    return 0;
  }

  /** Says everything that changes; may be called again and says the same. */
  void tell(StreamTarget target) throws IOException;
}
