package dev.vmstate.device;

import java.io.IOException;

/** Two edits ask for different bytes in the same place; names both. */
public final class EditConflictException extends IOException {
  private static final long serialVersionUID = 1L;

  EditConflictException(FieldEdit first, FieldEdit second) {
    super(
        "%s: %s sets it to %s, but %s sets %s to %s: keep one of the two"
            .formatted(
                first.path(),
                first.origin(),
                first.after(),
                second.origin(),
                second.path(),
                second.after()));
  }
}
