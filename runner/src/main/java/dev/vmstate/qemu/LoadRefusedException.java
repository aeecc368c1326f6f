package dev.vmstate.qemu;

/** QEMU read the snapshot and would not have it. */
public final class LoadRefusedException extends QemuException {
  private static final long serialVersionUID = 1L;

  LoadRefusedException(String message, Throwable cause) {
    super(message, cause);
  }
}
