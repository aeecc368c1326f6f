package dev.vmstate.bytes;

/** The bytes are right, but newer than this code or of a kind it does not handle. */
public final class UnsupportedFormatException extends FormatException {
  private static final long serialVersionUID = 1L;

  /** Same parameters as {@link FormatException}. */
  public UnsupportedFormatException(String place, long offset, String what) {
    super(place, offset, what);
  }
}
