package dev.vmstate.hardware;

import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One value of a machine by the path a person types: a register ({@code cpu[0]/rip}), or a device
 * field as {@link FieldPath} finds it.
 */
public final class ValuePath {
  private static final Pattern REGISTER = Pattern.compile("cpu\\[(\\d{1,6})]/([a-z0-9_.]+)");

  private ValuePath() {}

  /** The value as text: registers in hex, fields as {@link FieldValue} writes them. */
  public static String text(HardwareState state, String path) throws IOException {
    Optional<Register> register = register(state, path);
    return register.isPresent()
        ? "0x%x".formatted(register.get().value())
        : FieldValue.text(FieldPath.find(state.devices(), path));
  }

  /**
   * The edit that gives it a new value.
   *
   * @throws IllegalArgumentException when the value does not fit
   */
  public static FieldEdit edit(HardwareState state, String path, String value, String origin)
      throws IOException {
    Optional<Register> register = register(state, path);
    if (register.isEmpty()) {
      return FieldValue.edit(FieldPath.find(state.devices(), path), value, origin);
    }
    Register found = register.get();
    ScalarType type = ScalarType.of("uint" + found.bits()).orElseThrow();
    try {
      return FieldEdit.of(
          found.fieldPath(),
          found.span(),
          type.encode(found.value()),
          type.encode(type.parse(value)),
          origin);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(path + ": " + e.getMessage(), e);
    }
  }

  private static Optional<Register> register(HardwareState state, String path) {
    Matcher matcher = REGISTER.matcher(path);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    int index = Integer.parseInt(matcher.group(1));
    for (X86Cpu cpu : state.cpus()) {
      if (cpu.index() == index) {
        return cpu.find(matcher.group(2));
      }
    }
    return Optional.empty();
  }
}
