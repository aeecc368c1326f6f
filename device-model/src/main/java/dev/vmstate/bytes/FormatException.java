package dev.vmstate.bytes;

import java.io.IOException;

/** The bytes break their format. Always says in which source, where, and while reading what. */
public class FormatException extends IOException {
  private static final long serialVersionUID = 1L;
  private final long offset;

  /**
   * @param place the source and, inside it, the part that was being read
   * @param offset where the offending value starts, from the start of the source
   * @param what found, expected, and what to try
   */
  public FormatException(String place, long offset, String what) {
    super("%s: at offset 0x%x: %s".formatted(place, offset, what));
    this.offset = offset;
  }

  /** Where the offending value starts. */
  public long offset() {
    return offset;
  }
}
