package dev.vmstate.hardware;

import dev.vmstate.device.NamedNumber;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A derived attribute that says in names what {@code value} says as a number.
 *
 * <p>A person edits either. What still says what the snapshot says was not edited, so the other one
 * counts; where both were edited they must say the same.
 *
 * @param attribute {@code bits} or {@code means}
 * @param text the names
 * @param of the attribute with the number, e.g. {@code value}
 */
record DerivedNames(String attribute, String text, String of) {
  /** The value an element asks for; {@code stored} is the snapshot's. */
  static long agree(
      @Nullable DerivedNames names,
      Optional<NamedNumber> named,
      long value,
      long stored,
      XmlPlace place,
      int line)
      throws HardwareXmlException {
    if (names == null) {
      return value;
    }
    if (named.isEmpty()) {
      throw place.bad(
          line, "%s='%s': nothing in it has a name".formatted(names.attribute(), names.text()));
    }
    long said;
    try {
      said = named.get().parse(names.text(), stored);
    } catch (IllegalArgumentException e) {
      throw place.bad(line, "%s: %s".formatted(names.attribute(), e.getMessage()));
    }
    if (said == value || said == stored) {
      return value;
    }
    if (value == stored) {
      return said;
    }
    throw place.bad(
        line,
        "%s is %s, but %s='%s' on the same line means %s: change one of the two"
            .formatted(
                names.of(),
                named.get().number(value),
                names.attribute(),
                names.text(),
                named.get().number(said)));
  }
}
