package dev.vmstate.libvirt;

import org.jspecify.annotations.Nullable;

/**
 * Where an attribute's value stands in a start tag, between the quotes. For tags a parser has
 * already found well-formed.
 *
 * @param start the first character
 * @param end the closing quote
 */
record AttributePlace(int start, int end) {
  /** Finds {@code name} in the tag whose {@code <} is at {@code tag}; null if it is not there. */
  static @Nullable AttributePlace find(String text, int tag, String name) {
    int at = tag + 1;
    while (at < text.length() && !space(text.charAt(at)) && text.charAt(at) != '>') {
      at++; // the element's name
    }
    while (at < text.length()) {
      at = skipSpace(text, at);
      int nameStart = at;
      while (at < text.length() && text.charAt(at) != '=' && !space(text.charAt(at))) {
        if (text.charAt(at) == '>') {
          return null;
        }
        at++;
      }
      String found = text.substring(nameStart, at);
      at = skipSpace(text, skipSpace(text, at) + 1);
      if (at >= text.length()) {
        return null;
      }
      int close = text.indexOf(text.charAt(at), at + 1);
      if (close < 0) {
        return null;
      }
      if (found.equals(name)) {
        return new AttributePlace(at + 1, close);
      }
      at = close + 1;
    }
    return null;
  }

  private static int skipSpace(String text, int at) {
    int i = at;
    while (i < text.length() && space(text.charAt(i))) {
      i++;
    }
    return i;
  }

  private static boolean space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
  }
}
