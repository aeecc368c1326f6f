package dev.vmstate.core.debuginfo;

import java.nio.charset.StandardCharsets;

/** The names: .debug_str, and .debug_str_offsets of files whose entries count them. */
final class Strings {
  private final byte[] text;
  private final byte[] offsets;

  /** The arrays are kept; {@code offsets} is empty when there is no such section. */
  Strings(byte[] text, byte[] offsets) {
    this.text = text;
    this.offsets = offsets;
  }

  /** Offset in .debug_str of a counted string, {@link Die#NONE} when there is none. */
  long indexed(long base, long index, int offsetBytes) {
    if (base < 0 || index < 0 || index > Integer.MAX_VALUE) {
      return Die.NONE;
    }
    long at = base + index * offsetBytes;
    if (at < 0 || at > offsets.length - offsetBytes) {
      return Die.NONE;
    }
    long value = 0;
    for (int i = 0; i < offsetBytes; i++) {
      value |= (offsets[(int) at + i] & 0xffL) << 8 * i;
    }
    return value;
  }

  /** The string at an offset; empty when it is too long for a name, or not there. */
  String at(long offset) {
    if (offset < 0 || offset >= text.length) {
      return "";
    }
    int from = (int) offset;
    int to = from;
    while (to < text.length && text[to] != 0 && to - from <= Die.MOST_NAME) {
      to++;
    }
    return to == text.length || to - from > Die.MOST_NAME
        ? ""
        : new String(text, from, to - from, StandardCharsets.ISO_8859_1);
  }

  boolean is(long offset, byte[] wanted) {
    return offset >= 0 && offset < text.length && is(text, (int) offset, wanted);
  }

  static boolean is(byte[] text, int from, byte[] wanted) {
    if (wanted.length >= text.length - from || text[from + wanted.length] != 0) {
      return false;
    }
    for (int i = 0; i < wanted.length; i++) {
      if (text[from + i] != wanted[i]) {
        return false;
      }
    }
    return true;
  }
}
