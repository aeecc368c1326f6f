package dev.vmstate.core.kallsyms;

import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;

/**
 * What the codes in compressed names stand for: {@code kallsyms_token_table}, 256 strings with a
 * NUL behind each, and {@code kallsyms_token_index}, u16 offset of each. A character that names
 * have in them stands for itself, so the table has {@code "0\0" "1\0" … "9\0"} in it; and it is
 * believed when the index is right for all 256. Source: scripts/kallsyms.c, {@code write_src},
 * Linux 2.6.10 to 7.0.
 */
final class TokenTable {
  private static final int TOKENS = 256;

  /** "0" to "9", the last NUL left out. */
  private static final byte[] DIGITS = digits();

  /** How far the last token may reach: a token is part of a name of 512 bytes at most. */
  private static final int MOST_BYTES = 0x10000;

  private static final int PIECE = 1 << 20;

  /** Rows of digits that are looked at closely; a kernel's image has a few. */
  private static final int MOST_HITS = 500;

  private final long table;
  private final long index;
  private final byte[] text;
  private final int[] starts;

  private TokenTable(long table, long index, byte[] text, int[] starts) {
    this.table = table;
    this.index = index;
    this.text = text;
    this.starts = starts;
  }

  /** Looks from {@code from} on. */
  static Optional<TokenTable> find(ImageBytes image, long from) throws IOException {
    byte[] piece = new byte[(int) Math.min(PIECE, image.length()) + DIGITS.length];
    int hits = 0;
    for (long at = from; at < image.length(); at += PIECE) {
      int count = (int) Math.min(piece.length, image.length() - at);
      image.read(at, piece, 0, count);
      for (int hit = indexOf(piece, count, 0); hit >= 0; hit = indexOf(piece, count, hit + 1)) {
        Optional<TokenTable> found = hits++ < MOST_HITS ? prove(image, at + hit) : Optional.empty();
        if (found.isPresent()) {
          return found;
        }
      }
    }
    return Optional.empty();
  }

  /** Offset in the image of {@code kallsyms_token_table}. */
  long table() {
    return table;
  }

  /** Offset in the image of {@code kallsyms_token_index}. */
  long index() {
    return index;
  }

  /** Offset in the image behind {@code kallsyms_token_index}. */
  long end() {
    return index + 2 * TOKENS;
  }

  /** Bytes of the token {@code code} stands for. */
  int length(int code) {
    return starts[code + 1] - starts[code] - 1;
  }

  /** The first character of it; 0 for an empty one. */
  int first(int code) {
    return text[starts[code]] & 0xff;
  }

  /** Copies the token to {@code into[at]} and behind it, all but its first {@code skip} bytes. */
  int copy(int code, int skip, byte[] into, int at) {
    int count = length(code) - skip;
    System.arraycopy(text, starts[code] + skip, into, at, count);
    return at + count;
  }

  private static Optional<TokenTable> prove(ImageBytes image, long digits) throws IOException {
    long from = Math.max(0, digits - MOST_BYTES);
    int before = (int) (digits - from);
    int count = (int) Math.min(before + MOST_BYTES + 2 * TOKENS + 8, image.length() - from);
    byte[] bytes = image.read(from, count);
    int[] starts = new int[TOKENS + 1];
    int at = before;
    for (int token = '0'; token < TOKENS; token++) {
      starts[token] = at;
      while (at < count && bytes[at] != 0) {
        at++;
      }
      at++;
    }
    if (at > count) {
      return Optional.empty();
    }
    starts[TOKENS] = at;
    int firstNul = before - 1; // that of token '0' - 1
    if (firstNul < 0 || bytes[firstNul] != 0) {
      return Optional.empty();
    }
    for (int token = '0' - 1; token > 0; token--) {
      int nul = firstNul - 1;
      while (nul >= 0 && bytes[nul] != 0) {
        nul--;
      }
      if (nul < 0) {
        return Optional.empty();
      }
      starts[token] = nul + 1;
      firstNul = nul;
    }
    // Whatever stands before the table, only its index can tell where token 0 begins.
    for (int align = image.wordBytes(); align >= 4; align -= 4) {
      long index = alignUp(from + at, align);
      if (isIndex(bytes, (int) (index - from), starts, firstNul)) {
        long table = from + starts[0];
        byte[] text = Arrays.copyOfRange(bytes, starts[0], at);
        for (int token = TOKENS; token >= 0; token--) {
          starts[token] -= starts[0];
        }
        return Optional.of(new TokenTable(table, index, text, starts));
      }
    }
    return Optional.empty();
  }

  /** Whether the index stands at {@code place}; says where the first token starts. */
  private static boolean isIndex(byte[] bytes, int place, int[] starts, int firstNul) {
    if (place + 2 * TOKENS > bytes.length) {
      return false;
    }
    starts[0] = starts[1] - u16(bytes, place + 2);
    if (starts[0] < 0 || starts[0] > firstNul) {
      return false;
    }
    for (int i = starts[0]; i < firstNul; i++) {
      if (bytes[i] == 0) {
        return false;
      }
    }
    for (int token = 0; token < TOKENS; token++) {
      if (u16(bytes, place + 2 * token) != starts[token] - starts[0]) {
        return false;
      }
    }
    return true;
  }

  /** Horspool's search. */
  private static int indexOf(byte[] in, int count, int from) {
    int last = DIGITS.length - 1;
    for (int at = from; at + last < count; ) {
      int c = in[at + last];
      if (c == '9') {
        if (Arrays.equals(in, at, at + last, DIGITS, 0, last)) {
          return at;
        }
        at += DIGITS.length;
      } else if (c == 0) {
        at++;
      } else {
        at += c >= '0' && c < '9' ? 2 * ('9' - c) : DIGITS.length;
      }
    }
    return -1;
  }

  private static byte[] digits() {
    byte[] bytes = new byte[19];
    for (int i = 0; i < 10; i++) {
      bytes[2 * i] = (byte) ('0' + i);
    }
    return bytes;
  }

  static long alignUp(long value, int align) {
    return value + align - 1 & -align;
  }

  private static int u16(byte[] bytes, int at) {
    return bytes[at] & 0xff | (bytes[at + 1] & 0xff) << 8;
  }
}
