package dev.vmstate.cli;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Names out of a guest, one character for each byte, as a terminal may see them: UTF-8 where they
 * are, and every byte that is a control character, or no UTF-8, as the kernel's {@code \ooo}.
 */
final class GuestText {
  private GuestText() {}

  /** One line; spaces stay. */
  static String line(String bytes) {
    return escaped(bytes, "\\", "", "\\%03o");
  }

  /** A line of a log: tabs and backslashes stay, bytes are {@code \x1b}, as dmesg shows them. */
  static String message(String bytes) {
    return escaped(bytes, "", "\t", "\\x%02x");
  }

  /** One word, as in {@code /proc/mounts}: no space either. */
  static String word(String bytes) {
    return escaped(bytes, " \\", "", "\\%03o");
  }

  /** For JSON, which has escapes of its own: UTF-8 where it is, else as {@link #line}. */
  static String json(String bytes) {
    byte[] raw = bytes.getBytes(StandardCharsets.ISO_8859_1);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(raw)).toString();
    } catch (CharacterCodingException e) {
      return line(bytes);
    }
  }

  private static String escaped(String bytes, String also, String kept, String form) {
    StringBuilder text = new StringBuilder();
    int at = 0;
    while (at < bytes.length()) {
      int length = sequence(bytes, at);
      String part = bytes.substring(at, at + Math.max(1, length));
      String shown = new String(part.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
      boolean plain = length > 0 && (isPlain(shown.codePointAt(0)) || kept.contains(shown));
      if (!plain || also.contains(shown)) {
        for (char raw : part.toCharArray()) {
          text.append(form.formatted((int) raw));
        }
      } else {
        text.append(shown);
      }
      at += part.length();
    }
    return text.toString();
  }

  /** Marks that turn the direction of writing are no control characters, and as bad. */
  static boolean isPlain(int character) {
    int type = Character.getType(character);
    return type != Character.CONTROL
        && type != Character.FORMAT
        && type != Character.LINE_SEPARATOR
        && type != Character.PARAGRAPH_SEPARATOR
        && type != Character.SURROGATE
        && type != Character.PRIVATE_USE
        && type != Character.UNASSIGNED;
  }

  /** Bytes of the UTF-8 sequence at a place, 0 where none is. */
  private static int sequence(String bytes, int at) {
    int first = bytes.charAt(at);
    int length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 0 || at + length > bytes.length()) {
      return 0;
    }
    byte[] raw = bytes.substring(at, at + length).getBytes(StandardCharsets.ISO_8859_1);
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(raw));
      return length;
    } catch (CharacterCodingException e) {
      return 0;
    }
  }
}
