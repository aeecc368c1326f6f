package dev.vmstate.hardware;

import java.util.Locale;

/**
 * Names from the stream as attribute text.
 *
 * <pre>
 * Text   ::= ( PLAIN | Escape )*      PLAIN: what XML 1.0 can hold, but no control and no backslash
 * Escape ::= '\' ( '\' | 'x' HEX{2} | 'u' HEX{4} )
 * </pre>
 *
 * <p>An idstr is up to 255 arbitrary bytes, and the JSON may hold anything a {@code \}{@code u}
 * escape can say, lone surrogates included. XML 1.0 has no way to write most control characters,
 * not even as character references; tab and line feed it could hold, but editors that wrap
 * attributes turn them into spaces, so all controls are escaped.
 */
final class XmlNames {
  private XmlNames() {}

  static String escape(String name) {
    StringBuilder text = null;
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean pair =
          i + 1 < name.length() && Character.isSurrogatePair(c, name.charAt(i + 1))
              || i > 0 && Character.isSurrogatePair(name.charAt(i - 1), c);
      if (text == null && !plain(c, pair)) {
        text = new StringBuilder(name.length() + 8).append(name, 0, i);
      }
      if (text == null) {
        continue;
      }
      if (plain(c, pair)) {
        text.append(c);
      } else if (c == '\\') {
        text.append("\\\\");
      } else {
        text.append(String.format(Locale.ROOT, c < 0x100 ? "\\x%02x" : "\\u%04x", (int) c));
      }
    }
    return text == null ? name : text.toString();
  }

  /** For messages: a text on one line that leaves the terminal as it is. */
  static String printable(String text) {
    StringBuilder line = new StringBuilder(text.length());
    for (char c : text.toCharArray()) {
      line.append(
          Character.isISOControl(c) ? String.format(Locale.ROOT, "\\x%02x", (int) c) : "" + c);
    }
    return line.toString();
  }

  private static boolean plain(char c, boolean pair) {
    return c >= 0x20
        && c != '\\'
        && !(c >= 0x7f && c < 0xa0)
        && (pair || !Character.isSurrogate(c))
        && c < 0xfffe;
  }

  /**
   * Undoes {@link #escape}.
   *
   * @throws IllegalArgumentException when a backslash starts none of the three forms
   */
  static String unescape(String text) {
    int slash = text.indexOf('\\');
    if (slash < 0) {
      return text;
    }
    StringBuilder name = new StringBuilder(text.length()).append(text, 0, slash);
    for (int i = slash; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '\\') {
        name.append(c);
        continue;
      }
      char form = i + 1 < text.length() ? text.charAt(i + 1) : ' ';
      int digits = form == 'x' ? 2 : form == 'u' ? 4 : 0;
      if (form == '\\') {
        name.append('\\');
      } else if (digits > 0 && i + 2 + digits <= text.length()) {
        int value = 0;
        for (int d = i + 2; d < i + 2 + digits; d++) {
          int digit = Character.digit(text.charAt(d), 16);
          if (digit < 0) {
            throw badEscape(text, i);
          }
          value = value << 4 | digit;
        }
        name.append((char) value);
      } else {
        throw badEscape(text, i);
      }
      i += 1 + digits;
    }
    return name.toString();
  }

  private static IllegalArgumentException badEscape(String text, int at) {
    return new IllegalArgumentException(
        "'%s': the backslash at character %d starts none of \\\\, \\xNN, \\uNNNN"
            .formatted(text, at + 1));
  }
}
