package dev.vmstate.kvm;

import java.io.IOException;

/** The kernel refused something; one line that says what, and why in the kernel's words. */
public final class KvmException extends IOException {
  private static final long serialVersionUID = 1L;

  private final int errno;

  KvmException(String message) {
    this(message, 0);
  }

  KvmException(String message, int errno) {
    super(message);
    this.errno = errno;
  }

  KvmException(String message, Throwable cause) {
    super(message, cause);
    this.errno = 0;
  }

  /** {@code what} failed with {@code errno}. */
  static KvmException of(String what, int errno) {
    return new KvmException(
        "%s: %s (errno %d)".formatted(what, LibC.strerror(errno), errno), errno);
  }

  /** The C library's number of the error; 0 when it was no call that failed. */
  public int errno() {
    return errno;
  }
}
