package dev.vmstate.hardware;

import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.util.Locale;

/**
 * Lays numbers or bytes out as text lines; {@link FoldedText} reads them.
 *
 * <pre>
 * Text  ::= ( Label? Value+ )*
 * Label ::= 0xHEX ':'             index of the value that follows
 * Value ::= TEXT | TEXT '*' COUNT  COUNT times the same
 * </pre>
 *
 * <p>Lines end at multiples of {@code perLine}, as in a hex dump, so that an index is found by eye;
 * a folded run may pass over many such multiples and then ends its line. A text of one line has no
 * label.
 */
final class FoldedLines {
  private static final int NUMBERS_PER_LINE = 8;
  private static final int BYTES_PER_LINE = 32;

  /** Shorter runs are written out: {@code 0x0 0x0 0x0} is easier to edit than {@code 0x0*3}. */
  private static final int FOLD_NUMBERS = 4;

  private static final int FOLD_BYTES = 16;

  /** Value {@code i} of the array. */
  private interface Values {
    long at(long i) throws IOException;
  }

  /** The text of one value. */
  private interface Format {
    void append(StringBuilder line, long value);
  }

  private final Values values;
  private final Format format;
  private final long count;
  private final int perLine;
  private final int fold;
  private final String label;
  private long next;
  private long run;
  private long value;
  private boolean folded;

  private FoldedLines(Values values, Format format, long count, int perLine, int fold) {
    this.values = values;
    this.format = format;
    this.count = count;
    this.perLine = perLine;
    this.fold = fold;
    this.label = "0x%0" + Long.toHexString(Math.max(0, count - 1)).length() + "x:";
  }

  /** Numbers: hexadecimal without a sign, decimal with one. */
  static FoldedLines numbers(FieldBytes bytes, ScalarType type, int count) {
    Format format =
        type.signed() || type.name().equals("bool")
            ? StringBuilder::append
            : (line, value) -> line.append("0x").append(Long.toHexString(value));
    return new FoldedLines(
        i -> bytes.number(type, i), format, count, NUMBERS_PER_LINE, FOLD_NUMBERS);
  }

  /** Bytes: two hex digits each. */
  static FoldedLines bytes(FieldBytes bytes) {
    Format format =
        (line, value) ->
            line.append(Character.forDigit((int) value >> 4, 16))
                .append(Character.forDigit((int) value & 15, 16));
    return new FoldedLines(bytes::u8, format, bytes.size(), BYTES_PER_LINE, FOLD_BYTES);
  }

  /** Whether all values have been laid out. */
  boolean done() {
    return next == count;
  }

  /** The label of the next line. */
  String label() {
    return String.format(Locale.ROOT, label, next);
  }

  /** The next line, without its label. */
  String line() throws IOException {
    StringBuilder line = new StringBuilder();
    long end = next - next % perLine + perLine;
    while (next < count && next < end) {
      if (run == 0) {
        value = values.at(next);
        for (run = 1; next + run < count && values.at(next + run) == value; run++) {}
        folded = run >= fold;
      }
      if (!line.isEmpty()) {
        line.append(' ');
      }
      format.append(line, value);
      if (folded) {
        line.append('*').append(run);
        next += run;
        run = 0;
      } else {
        next++;
        run--;
      }
    }
    return line.toString();
  }
}
