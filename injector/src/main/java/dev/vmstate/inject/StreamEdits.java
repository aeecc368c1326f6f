package dev.vmstate.inject;

import java.io.IOException;

/** Changes of a migration stream, in stream offsets. */
interface StreamEdits {
  /** Where appended page records go: the place of the EOS word that ends the RAM section. */
  long appendAt() throws IOException;

  /** Says everything that changes; may be called again and says the same. */
  void tell(StreamTarget target) throws IOException;
}
