package dev.vmstate.hardware;

import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.util.HexFormat;

/**
 * Reads what {@link FoldedLines} writes, a piece at a time, so that the text of a large buffer is
 * never held whole. Labels are checked where they stand, and are not required: text that an editor
 * wrapped anew still reads. No count is believed before it is compared with what is left.
 */
abstract class FoldedText {
  private static final int MAX_TOKEN = 4096;
  private final XmlPlace place;
  private final String what;
  private final long count;
  private final ValueSink sink;
  private final StringBuilder token = new StringBuilder();
  private int tokenLine;
  private long next;

  private FoldedText(XmlPlace place, String what, long count, ValueSink sink) {
    this.place = place;
    this.what = what;
    this.count = count;
    this.sink = sink;
  }

  /** Numbers, as {@link ScalarType#parse} takes them. */
  static FoldedText numbers(XmlPlace place, ScalarType type, long count, ValueSink sink) {
    return new FoldedText(place, "values", count, sink) {
      @Override
      void values(String text, long repeat, int line) throws IOException {
        try {
          run(type.parse(text), repeat, line);
        } catch (IllegalArgumentException e) {
          throw bad(line, String.valueOf(e.getMessage()));
        }
      }
    };
  }

  /** Bytes: two hex digits each, with or without a space between them. */
  static FoldedText bytes(XmlPlace place, long count, ValueSink sink) {
    return new FoldedText(place, "bytes", count, sink) {
      @Override
      void values(String text, long repeat, int line) throws IOException {
        if (text.length() % 2 != 0 || repeat != 1 && text.length() != 2) {
          throw bad(line, "'%s' is no byte: two hex digits are".formatted(text));
        }
        for (int i = 0; i < text.length(); i += 2) {
          String digits = text.substring(i, i + 2);
          if (!HexFormat.isHexDigit(digits.charAt(0)) || !HexFormat.isHexDigit(digits.charAt(1))) {
            throw bad(line, "'%s' is no byte: two hex digits are".formatted(digits));
          }
          run(HexFormat.fromHexDigits(digits), repeat, line);
        }
      }
    };
  }

  /** One value, or several bytes; {@code repeat} times. */
  abstract void values(String text, long repeat, int line) throws IOException;

  /** The next characters, of which the first stands on {@code line}. */
  void feed(char[] text, int start, int length, int line) throws IOException {
    int at = line;
    for (int i = start; i < start + length; i++) {
      char c = text[i];
      if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
        flush();
        at += c == '\n' ? 1 : 0;
        continue;
      }
      if (token.isEmpty()) {
        tokenLine = at;
      }
      if (token.length() == MAX_TOKEN) {
        throw bad(at, "more than %d characters without a space".formatted(MAX_TOKEN));
      }
      token.append(c);
    }
  }

  /** A comment stands here: a value does not go on behind it. */
  void gap() throws IOException {
    flush();
  }

  /** The text has ended, on {@code line}. */
  void end(int line) throws IOException {
    flush();
    if (next != count) {
      throw bad(line, "%d %s where %d were expected".formatted(next, what, count));
    }
    sink.end();
  }

  /** Hands on values, never more than are left. */
  final void run(long value, long repeat, int line) throws IOException {
    if (repeat > count - next) {
      throw bad(
          line,
          "%d more %s from index 0x%x on where %d %s expected"
              .formatted(repeat, what, next, count - next, count - next == 1 ? "is" : "are"));
    }
    sink.run(next, repeat, value, line);
    next += repeat;
  }

  final HardwareXmlException bad(int line, String why) {
    return place.bad(line, why);
  }

  private void flush() throws IOException {
    if (token.isEmpty()) {
      return;
    }
    String text = token.toString();
    token.setLength(0);
    if (text.endsWith(":")) {
      label(text.substring(0, text.length() - 1));
      return;
    }
    int star = text.indexOf('*');
    if (star < 0) {
      values(text, 1, tokenLine);
      return;
    }
    long repeat = number(text.substring(star + 1), 10);
    if (star == 0 || repeat < 1) {
      throw bad(tokenLine, "'%s' is not VALUE*COUNT".formatted(text));
    }
    values(text.substring(0, star), repeat, tokenLine);
  }

  private void label(String text) throws IOException {
    long index = text.startsWith("0x") ? number(text.substring(2), 16) : -1;
    if (index < 0) {
      throw bad(tokenLine, "'%s:' is no label: one reads 0x%x:".formatted(text, next));
    }
    if (index != next) {
      throw bad(
          tokenLine,
          "label 0x%x: stands before index 0x%x; %s before it"
              .formatted(
                  index,
                  next,
                  index > next
                      ? "%d %s missing".formatted(index - next, index - next == 1 ? "is" : "are")
                      : "%d too many".formatted(next - index)));
    }
  }

  /** A plain number without sign, or -1. */
  private static long number(String digits, int radix) {
    if (digits.isEmpty() || digits.charAt(0) == '+' || digits.charAt(0) == '-') {
      return -1;
    }
    try {
      return Long.parseLong(digits, radix);
    } catch (NumberFormatException e) {
      return -1;
    }
  }
}
