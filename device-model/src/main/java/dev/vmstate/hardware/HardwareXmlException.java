package dev.vmstate.hardware;

import java.io.IOException;

/**
 * A hardware.xml that cannot be taken as it is. Always says in which file, on which line and why.
 */
public final class HardwareXmlException extends IOException {
  private static final long serialVersionUID = 1L;
  private final int line;

  /**
   * @param file the document's name
   * @param line counted from 1
   * @param what where in the machine, what was found, what was expected
   */
  HardwareXmlException(String file, int line, String what) {
    super("%s: line %d: %s".formatted(file, line, what));
    this.line = line;
  }

  /** The line of the element, or of the text line inside an array. */
  public int line() {
    return line;
  }
}
