package dev.vmstate.machine;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The mode in which the first instruction of a file runs. */
public enum BootMode {
  /** 16-bit real mode: segment bases 0, so that {@code rip} is the address. */
  REAL16,
  /** 32-bit protected mode, flat segments, no paging. */
  PROTECTED32,
  /** 64-bit long mode, flat segments, memory mapped where it is. */
  LONG64;

  /** As in the option and in {@code config.json}: {@code real16}. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The mode of that name.
   *
   * @throws IllegalArgumentException when there is none
   */
  public static BootMode of(String text) {
    for (BootMode mode : values()) {
      if (mode.text().equals(text)) {
        return mode;
      }
    }
    throw new IllegalArgumentException(
        "'%s' is no mode: %s"
            .formatted(
                text,
                Arrays.stream(values()).map(BootMode::text).collect(Collectors.joining(", "))));
  }
}
