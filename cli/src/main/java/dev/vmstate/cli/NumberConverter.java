package dev.vmstate.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a number of up to 64 bits: {@code 4096}, {@code 0x1000}, {@code -1}. */
final class NumberConverter implements ITypeConverter<Long> {
  @Override
  public Long convert(String text) {
    return number(text);
  }

  static long number(String text) {
    try {
      if (text.startsWith("0x") || text.startsWith("0X")) {
        return Long.parseUnsignedLong(text, 2, text.length(), 16);
      }
      return text.startsWith("-") ? Long.parseLong(text) : Long.parseUnsignedLong(text);
    } catch (NumberFormatException e) {
      throw new TypeConversionException("'%s' is no number: 4096 and 0x1000 are".formatted(text));
    }
  }
}
