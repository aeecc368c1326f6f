package dev.vmstate.hardware;

import dev.vmstate.cpu.BitNames;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import dev.vmstate.device.NamedNumber;
import java.io.IOException;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

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

  /** The value as a number with names, if it is one. */
  public static Optional<NamedNumber.Of> named(HardwareState state, String path)
      throws IOException {
    Optional<Register> register = register(state, path);
    return register.isPresent()
        ? named(register.get())
        : named(FieldPath.find(state.devices(), path));
  }

  private static Optional<NamedNumber.Of> named(Register register) {
    return BitNames.named(register)
        .map(kind -> new NamedNumber.Of(kind, register.value(), register.text()));
  }

  /** A field's value as a number with names, if it is one. */
  public static Optional<NamedNumber.Of> named(FieldPath target) throws IOException {
    Optional<NamedNumber> kind = NamedNumber.of(target);
    if (kind.isEmpty()) {
      return Optional.empty();
    }
    byte[] bytes = target.device().source().bytes(target.span());
    long value = target.type().orElseThrow().decode(bytes, 0);
    return Optional.of(new NamedNumber.Of(kind.get(), value, kind.get().number(value)));
  }

  /** The register at {@code path}, or empty when it names no register. */
  public static Optional<Register> find(HardwareState state, String path)
      throws FieldPath.NotFoundException {
    return register(state, path);
  }

  /**
   * The group of fields that a path leads to. Bytes that a layout explains are a value of their
   * own, unless the path ends with a slash: {@code cmos_data} is 128 bytes, {@code cmos_data/}
   * their fields.
   */
  public static Optional<FieldPath> group(HardwareState state, String path) throws IOException {
    if (register(state, path).isPresent()) {
      return Optional.empty();
    }
    boolean inside = path.endsWith("/");
    String bare = inside ? path.substring(0, path.length() - 1) : path;
    FieldPath found = FieldPath.find(state.devices(), bare);
    return found.field() instanceof Field.Group group && (inside || !group.refined())
        ? Optional.of(found)
        : Optional.empty();
  }

  /**
   * The edits that give it a new value: none when it has it already, several for a register that
   * several fields hold.
   *
   * @param path with a {@code +} or {@code -} behind it, bits are set or cleared by name
   * @param value a number, or names of bits or of a value
   * @throws IllegalArgumentException when the value does not fit
   */
  public static List<FieldEdit> edits(HardwareState state, String path, String value, String origin)
      throws IOException {
    char last = path.isEmpty() ? ' ' : path.charAt(path.length() - 1);
    if (last != '+' && last != '-') {
      return edits(state, path, value, ' ', origin);
    }
    try {
      return edits(state, path, value, ' ', origin);
    } catch (FieldPath.NotFoundException e) {
      return edits(state, path.substring(0, path.length() - 1), value, last, origin);
    }
  }

  /** {@code sign} is + or - where bits are to be set or cleared, else a space. */
  private static List<FieldEdit> edits(
      HardwareState state, String path, String asked, char sign, String origin) throws IOException {
    Optional<NamedNumber.Of> names = named(state, path);
    String value = names.isPresent() ? names.get().kind().withoutNames(asked) : asked;
    Optional<Register> register = register(state, path);
    if (register.isEmpty()) {
      FieldPath target = FieldPath.find(state.devices(), path);
      Optional<Long> number = number(path, named(target), value, sign);
      String text = number.isPresent() ? target.type().orElseThrow().format(number.get()) : value;
      return List.of(FieldValue.edit(target, text, origin));
    }
    Register found = register.get();
    if (!found.editable()) {
      throw new IllegalArgumentException(
          path + ": the snapshot has its value, but no device that holds it");
    }
    try {
      Optional<Long> number = number("", named(found), value, sign);
      return found.set(
          number.isPresent()
              ? new BigInteger(Long.toUnsignedString(number.get()))
              : found.parse(value),
          origin);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(path + ": " + e.getMessage(), e);
    }
  }

  /** The number that names stand for, or empty where the text is no names. */
  private static Optional<Long> number(
      String path, Optional<NamedNumber.Of> named, String value, char sign) {
    String prefix = path.isEmpty() ? "" : path + ": ";
    if (named.isEmpty() && sign != ' ') {
      throw new IllegalArgumentException(
          "%s%c= takes names of bits, and its bits have none: write =VALUE"
              .formatted(prefix, sign));
    }
    if (named.isEmpty() || sign == ' ' && NamedNumber.isNumber(value)) {
      return Optional.empty();
    }
    String names =
        sign == ' '
            ? value
            : Arrays.stream(value.trim().split("[|,\\s]+"))
                .map(word -> sign + word)
                .collect(Collectors.joining("|"));
    try {
      return Optional.of(named.get().kind().parse(names, named.get().value()));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(prefix + e.getMessage(), e);
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
