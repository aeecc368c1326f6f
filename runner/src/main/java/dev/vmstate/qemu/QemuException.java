package dev.vmstate.qemu;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** QEMU did not do what it was asked to; one line that holds QEMU's own words where it said any. */
public class QemuException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String line;

  /** What happened, in one line. */
  public QemuException(String message) {
    super(message);
    this.line = message;
  }

  /** What happened, in one line, and why. */
  public QemuException(String message, @Nullable Throwable cause) {
    super(message, cause);
    this.line = message;
  }

  @Override
  public String getMessage() {
    return line;
  }
}
