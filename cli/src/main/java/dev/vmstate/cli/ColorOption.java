package dev.vmstate.cli;

import java.util.Locale;
import picocli.CommandLine.Option;

/** Whether a command colours what it prints. */
final class ColorOption {
  /** When to. */
  enum When {
    ALWAYS,
    NEVER,
    AUTO;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--color",
      paramLabel = "WHEN",
      defaultValue = "auto",
      description = "Colours: always, never, or auto: on a terminal (default).")
  private When when;

  /** Whether standard output is to have colours. */
  boolean wanted() {
    return when == When.ALWAYS || when == When.AUTO && Terminal.stdout();
  }
}
