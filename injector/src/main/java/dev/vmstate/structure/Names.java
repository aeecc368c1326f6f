package dev.vmstate.structure;

import dev.vmstate.stream.SectionHeader;
import java.nio.charset.StandardCharsets;

/** Names as a stream has them. */
final class Names {
  /** A length byte in front says how long. */
  private static final int LONGEST = 255;

  private Names() {}

  /**
   * A name as a counted string: a length byte and the name, no NUL.
   *
   * @throws IllegalArgumentException when it cannot be one
   */
  static byte[] counted(String what, String name) {
    byte[] text = plain(what, name);
    byte[] counted = new byte[1 + text.length];
    counted[0] = (byte) text.length;
    System.arraycopy(text, 0, counted, 1, text.length);
    return counted;
  }

  /** The bytes of a name that QEMU could have written. */
  static byte[] plain(String what, String name) {
    if (!SectionHeader.printable(name) || name.length() > LONGEST) {
      throw new IllegalArgumentException(
          "'%s' is no name for a %s: 1 to %d printable ASCII characters expected"
              .formatted(name.replaceAll("\\p{Cc}", "?"), what, LONGEST));
    }
    return name.getBytes(StandardCharsets.US_ASCII);
  }
}
