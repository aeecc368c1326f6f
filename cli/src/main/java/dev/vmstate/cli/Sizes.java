package dev.vmstate.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Numbers of bytes as people write them. */
final class Sizes {
  private static final String UNITS = "KMGT";

  private Sizes() {}

  /** {@code 98.5 MiB}. */
  static String text(long bytes) {
    if (bytes < 1024) {
      return bytes + " B";
    }
    double value = bytes;
    int unit = -1;
    while (value >= 1024 && unit < UNITS.length() - 1) {
      value /= 1024;
      unit++;
    }
    String number = value == Math.rint(value) ? "%.0f" : "%.1f";
    return number.formatted(value) + " " + UNITS.charAt(unit) + "iB";
  }

  /** {@code 1 page}, {@code 2 pages}. */
  static String count(long number, String what) {
    return number + " " + what + (number == 1 ? "" : "s");
  }

  /** {@code 12 s}, {@code 3 min}. */
  static String time(double seconds) {
    return seconds < 100
        ? "%d s".formatted(Math.round(seconds))
        : "%d min".formatted(Math.round(seconds / 60));
  }

  /** Reads {@code 4096}, {@code 0x1000}, {@code 4K}, {@code 3G}. */
  static final class Converter implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      String number = text;
      int shift = 0;
      char last = text.isEmpty() ? ' ' : Character.toUpperCase(text.charAt(text.length() - 1));
      if (UNITS.indexOf(last) >= 0 && !text.startsWith("0x")) {
        shift = 10 * (UNITS.indexOf(last) + 1);
        number = text.substring(0, text.length() - 1);
      }
      try {
        return Math.multiplyExact(Long.decode(number), 1L << shift);
      } catch (NumberFormatException | ArithmeticException e) {
        throw new TypeConversionException(
            "'%s' is no size: 4096, 0x1000, 4K, 2M and 1G are".formatted(text));
      }
    }
  }
}
