package dev.vmstate.check;

import java.util.List;
import java.util.Optional;

/**
 * One thing that was found.
 *
 * @param grade whether QEMU refuses the snapshot for it
 * @param section the section's name, with its instance where that is not 0; or {@code
 *     configuration}, {@code ram}
 * @param field the path below it, or empty when it is about the whole section
 * @param reason what is wrong, in one line
 * @param fix the edit that takes it away, if there is one
 */
public record Finding(Grade grade, String section, String field, String reason, Optional<Fix> fix) {

  /** How bad it is. */
  public enum Grade {
    /** QEMU will not load the snapshot. */
    ERROR,
    /** QEMU loads it, but the guest may notice. */
    WARNING,
    /** Worth knowing. */
    INFO;

    @Override
    public String toString() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /**
   * A {@code vmstate} command with SNAPSHOT and {@code -o NEW} left out.
   *
   * @param command e.g. {@code drop-section}
   * @param arguments what stands behind SNAPSHOT
   * @param consequence what the edited snapshot lacks then, or empty
   */
  public record Fix(String command, List<String> arguments, String consequence) {
    public Fix {
      arguments = List.copyOf(arguments);
    }
  }

  static Finding error(String section, String field, String reason) {
    return new Finding(Grade.ERROR, section, field, reason, Optional.empty());
  }

  static Finding warning(String section, String field, String reason) {
    return new Finding(Grade.WARNING, section, field, reason, Optional.empty());
  }

  static Finding info(String section, String field, String reason) {
    return new Finding(Grade.INFO, section, field, reason, Optional.empty());
  }

  Finding fixedBy(String command, String... arguments) {
    return new Finding(
        grade, section, field, reason, Optional.of(new Fix(command, List.of(arguments), "")));
  }

  /** The same with what the fix costs. */
  Finding at(String consequence) {
    return new Finding(
        grade,
        section,
        field,
        reason,
        fix.map(f -> new Fix(f.command(), f.arguments(), consequence)));
  }

  /** Section and field, as a path. */
  public String path() {
    return field.isEmpty() ? section : section + "/" + field;
  }

  @Override
  public String toString() {
    return "%s: %s: %s".formatted(grade, path(), reason);
  }
}
