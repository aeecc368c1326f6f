package dev.vmstate.cli;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code 500ms}, {@code 2s}, {@code 1.5s}, {@code 3min}; a number alone is seconds. */
final class DurationConverter implements ITypeConverter<Duration> {
  private static final Pattern FORM =
      Pattern.compile("([0-9]{1,9}(?:\\.[0-9]{1,9})?)(us|ms|s|min|h|)");

  @Override
  public Duration convert(String text) {
    Matcher parts = FORM.matcher(text);
    if (!parts.matches()) {
      throw new TypeConversionException("'%s' is no time: 500ms, 2s and 3min are".formatted(text));
    }
    long nanos =
        switch (parts.group(2)) {
          case "us" -> 1_000L;
          case "ms" -> 1_000_000L;
          case "min" -> 60_000_000_000L;
          case "h" -> 3_600_000_000_000L;
          default -> 1_000_000_000L;
        };
    BigDecimal all = new BigDecimal(parts.group(1)).multiply(BigDecimal.valueOf(nanos));
    return Duration.ofSeconds(
        all.movePointLeft(9).longValue(),
        all.remainder(BigDecimal.valueOf(1_000_000_000)).longValue());
  }
}
