package dev.vmstate.hardware;

import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One value of a machine by the path a person types: a register ({@code cpu[0]/rip}), or a device
 * field as {@link FieldPath} finds it.
 */
public final class ValuePath {
  private static final Pattern REGISTER =
      Pattern.compile("cpu\\[(\\d{1,6})]/([A-Za-z0-9_.]+|msr\\[\\w+])");

  private ValuePath() {}

  /** The value as text: registers in hex, fields as {@link FieldValue} writes them. */
  public static String text(HardwareState state, String path) throws IOException {
    Optional<Register> register = register(state, path);
    return register.isPresent()
        ? register.get().text()
        : FieldValue.text(FieldPath.find(state.devices(), path));
  }

  /** The group of fields at {@code path}; empty when it is a single value or a register. */
  public static Optional<FieldPath> group(HardwareState state, String path) throws IOException {
    if (register(state, path).isPresent()) {
      return Optional.empty();
    }
    FieldPath found = FieldPath.find(state.devices(), path);
    return found.field() instanceof Field.Group ? Optional.of(found) : Optional.empty();
  }

  /**
   * The edits that give it a new value: none when it has it already, several for a register that
   * several fields hold.
   *
   * @throws IllegalArgumentException when the value does not fit
   */
  public static List<FieldEdit> edits(HardwareState state, String path, String value, String origin)
      throws IOException {
    Optional<Register> register = register(state, path);
    if (register.isEmpty()) {
      return List.of(FieldValue.edit(FieldPath.find(state.devices(), path), value, origin));
    }
    Register found = register.get();
    if (!found.editable()) {
      throw new IllegalArgumentException(
          path + ": the snapshot has its value, but no device that holds it");
    }
    try {
      return found.set(found.parse(value), origin);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(path + ": " + e.getMessage(), e);
    }
  }

  private static Optional<Register> register(HardwareState state, String path)
      throws FieldPath.NotFoundException {
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
    if (!state.cpus().isEmpty()
        && state.devices().stream().noneMatch(d -> d.label().equals("cpu[" + index + "]"))) {
      throw new FieldPath.NotFoundException(
          "no CPU %d: the snapshot has %s".formatted(index, cpus(state)));
    }
    return Optional.empty();
  }

  private static String cpus(HardwareState state) {
    List<Integer> indexes = state.cpus().stream().map(X86Cpu::index).toList();
    int first = indexes.get(0);
    int last = indexes.get(indexes.size() - 1);
    if (indexes.size() == 1) {
      return "CPU " + first + " alone";
    }
    return last - first == indexes.size() - 1
        ? "CPUs %d to %d".formatted(first, last)
        : "CPUs " + indexes;
  }
}
