package dev.vmstate.compress;

import java.io.IOException;

/**
 * The data may be right, but reading it takes more memory, or something else, than there is here.
 */
final class TooLargeException extends IOException {
  private static final long serialVersionUID = 1L;

  TooLargeException(String what) {
    super(what);
  }
}
