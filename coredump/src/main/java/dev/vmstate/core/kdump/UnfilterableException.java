package dev.vmstate.core.kdump;

import java.io.IOException;

/**
 * The guest's kernel does not say which pages can be left out. The message says what is missing.
 */
public final class UnfilterableException extends IOException {
  private static final long serialVersionUID = 1L;

  UnfilterableException(String message) {
    super(message);
  }
}
