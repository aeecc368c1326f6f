package dev.vmstate.device;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * Printable text that fills a buffer of fixed length with NUL or, where there is none, with spaces
 * behind it: a mount tag, the strings of an IDE disk.
 */
record PaddedText(String text) {
  /** The text of some bytes; empty when they are none, or say more than the text does. */
  static Optional<PaddedText> of(byte[] bytes) {
    byte padding = padding(bytes);
    int end = bytes.length;
    while (end > 0 && bytes[end - 1] == padding) {
      end--;
    }
    for (int i = 0; i < end; i++) {
      if (bytes[i] < 0x20 || bytes[i] > 0x7e || bytes[i] == '"') {
        return Optional.empty();
      }
    }
    return Optional.of(new PaddedText(new String(bytes, 0, end, StandardCharsets.US_ASCII)));
  }

  /**
   * The bytes of a text, padded as those before it were.
   *
   * @throws IllegalArgumentException when it does not fit, or is not printable ASCII
   */
  static byte[] padded(String text, byte[] before) {
    if (text.length() > before.length) {
      throw new IllegalArgumentException(
          "%d characters, there is room for %d".formatted(text.length(), before.length));
    }
    if (!text.chars().allMatch(c -> c >= 0x20 && c <= 0x7e)) {
      throw new IllegalArgumentException("only printable ASCII can be put here as text");
    }
    byte[] bytes = new byte[before.length];
    Arrays.fill(bytes, padding(before));
    System.arraycopy(text.getBytes(StandardCharsets.US_ASCII), 0, bytes, 0, text.length());
    return bytes;
  }

  /** What a person sees and may write. */
  String quoted() {
    return "\"" + text + "\"";
  }

  private static byte padding(byte[] bytes) {
    return bytes.length > 0 && bytes[bytes.length - 1] == ' ' ? (byte) ' ' : 0;
  }
}
