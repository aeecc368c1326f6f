package dev.vmstate.layout;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.Meaning;
import java.util.Optional;

/**
 * What a field's numbers are called. The tables' names were tied to the fields when the section was
 * decoded ({@link Layouts#refine}), so this only looks.
 */
public final class Meanings {
  private Meanings() {}

  /** Names of what a person's path leads to. */
  public static Optional<Meaning> of(FieldPath path) {
    return path.meaning();
  }

  /**
   * Names of a field of {@code section}.
   *
   * @param element an array's element, or -1 for a single number or the array as a whole
   */
  public static Optional<Meaning> of(DeviceSection section, Field field, int element) {
    return field.meaning(element);
  }
}
