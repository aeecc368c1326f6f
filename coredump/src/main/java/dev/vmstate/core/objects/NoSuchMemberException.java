package dev.vmstate.core.objects;

import java.io.IOException;

/** This kernel has no such type, member or variable; another version or configuration has. */
public final class NoSuchMemberException extends IOException {
  private static final long serialVersionUID = 1L;

  NoSuchMemberException(String what) {
    super(what);
  }
}
