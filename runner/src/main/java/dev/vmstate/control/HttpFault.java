package dev.vmstate.control;

import java.io.IOException;

/** A request that cannot be understood. Where it ends is not known then: the connection ends. */
final class HttpFault extends IOException {
  private static final long serialVersionUID = 1L;

  private final int status;

  HttpFault(int status, String message) {
    super(message);
    this.status = status;
  }

  int status() {
    return status;
  }
}
