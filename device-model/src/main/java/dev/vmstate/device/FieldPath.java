package dev.vmstate.device;

import dev.vmstate.bytes.Span;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds one value by the path a person types: {@code 0000:00:03.0/e1000/mac_reg[0x1500]}, {@code
 * i8259[1]/irr}, {@code cpu[0]/env.segs[1]/base}.
 *
 * <p>Names hold slashes, dots and brackets themselves, so a path is not split: at each level the
 * child is taken whose name the rest starts with, longest first. A field inside a subsection or a
 * nested struct may be named without it as long as only one place fits.
 *
 * @param device where the value is
 * @param field the field
 * @param element index in an array, or -1
 * @param path the full path, as printed
 */
public record FieldPath(DeviceSection device, Field field, int element, String path) {

  private static final Pattern NUMBERED = Pattern.compile("\\[\\d+]$");
  private static final ScalarType BYTE = ScalarType.of("uint8").orElseThrow();

  /** No value has that path; the message says what there is. */
  public static final class NotFoundException extends java.io.IOException {
    private static final long serialVersionUID = 1L;

    /** With all that is to be said. */
    public NotFoundException(String message) {
      super(message);
    }
  }

  /** The value's bytes. */
  public Span span() {
    return element >= 0 && field instanceof Field.Array array
        ? array.element(element)
        : field.span();
  }

  /** The type of a single number; empty for groups, buffers and whole arrays. */
  public Optional<ScalarType> type() {
    if (field instanceof Field.Scalar scalar) {
      return Optional.of(scalar.type());
    }
    return element >= 0 && field instanceof Field.Array array
        ? Optional.of(array.type())
        : Optional.empty();
  }

  /** Names of what the value holds, where a layout has any. */
  public Optional<Meaning> meaning() {
    return field.meaning(element);
  }

  /** Every field below a group, in stream order; the field itself when it is none. */
  public List<FieldPath> leaves() {
    List<FieldPath> leaves = new ArrayList<>();
    addLeaves(field, path, leaves);
    return leaves;
  }

  private void addLeaves(Field at, String atPath, List<FieldPath> leaves) {
    if (at instanceof Field.Group group) {
      for (Field child : group.children()) {
        addLeaves(child, atPath + "/" + child.label(), leaves);
      }
    } else {
      leaves.add(new FieldPath(device, at, at == field ? element : -1, atPath));
    }
  }

  /**
   * Finds {@code path}, which starts with a device's name. Without an instance in brackets it means
   * instance 0, which is printed so; where there is none, the only other one. Of sections with the
   * same name and instance it means the first; {@code slirp#2} is the second.
   */
  public static FieldPath find(List<DeviceSection> devices, String path) throws NotFoundException {
    List<FieldPath> found = new ArrayList<>();
    Optional<DeviceSection> partly = Optional.empty();
    for (DeviceSection device : byLongestName(devices)) {
      Optional<String> rest = afterDevice(device, path);
      if (rest.isPresent()) {
        partly = partly.or(() -> Optional.of(device));
        found.addAll(inDevice(device, rest.get()));
      }
    }
    if (found.stream().anyMatch(f -> f.path().equals(path))) {
      found.removeIf(f -> !f.path().equals(path));
    } else if (found.stream().anyMatch(f -> f.device().instance() == 0)) {
      found.removeIf(f -> f.device().instance() != 0);
    }
    if (found.size() > 1) {
      throw ambiguous(path, found);
    }
    if (found.isEmpty()) {
      throw partly.isPresent() ? noField(partly.get(), path) : noDevice(devices, path);
    }
    return found.get(0);
  }

  /** Finds a field of one device by the path below it. */
  public static FieldPath in(DeviceSection device, String path) throws NotFoundException {
    List<FieldPath> found = inDevice(device, path);
    if (found.size() > 1) {
      throw ambiguous(path, found);
    }
    if (found.isEmpty()) {
      throw noField(device, device.label() + "/" + path);
    }
    return found.get(0);
  }

  private static List<DeviceSection> byLongestName(List<DeviceSection> devices) {
    List<DeviceSection> sorted = new ArrayList<>(devices);
    sorted.sort(Comparator.comparingInt((DeviceSection d) -> d.name().length()).reversed());
    return sorted;
  }

  /** What follows the device's name, or empty when the path does not start with it. */
  private static Optional<String> afterDevice(DeviceSection device, String path) {
    if (!path.startsWith(device.name())) {
      return Optional.empty();
    }
    String rest = path.substring(device.name().length());
    Index index = Index.at(rest);
    if (index != null) {
      if (index.value() != device.instance()) {
        return Optional.empty();
      }
      rest = rest.substring(index.length());
    }
    String twin = "#" + (device.twin() + 1);
    if (rest.startsWith("#")) {
      if (!rest.startsWith(twin)) {
        return Optional.empty();
      }
      rest = rest.substring(twin.length());
    } else if (device.twin() > 0) {
      return Optional.empty();
    }
    if (!rest.isEmpty() && !rest.startsWith("/")) {
      return Optional.empty();
    }
    return Optional.of(rest.isEmpty() ? rest : rest.substring(1));
  }

  private static List<FieldPath> inDevice(DeviceSection device, String rest) {
    if (rest.isEmpty()) {
      return List.of(new FieldPath(device, device.root(), -1, device.label()));
    }
    List<FieldPath> found = new ArrayList<>();
    direct(device, device.root(), rest, device.label(), found);
    if (found.isEmpty()) {
      deeper(device, device.root(), rest, device.label(), found);
    }
    return found;
  }

  /** Matches the rest of the path against the children of one group. */
  private static void direct(
      DeviceSection device, Field.Group group, String rest, String path, List<FieldPath> found) {
    int before = found.size();
    direct(device, group, rest, path, Field::name, found);
    if (found.size() == before) {
      direct(device, group, rest, path, FieldPath::bareName, found);
    }
  }

  /**
   * vmdesc numbers fields of one name: a buffer {@code config[0]} may be called {@code config}, so
   * that {@code config[0x3c]} is a byte of it.
   */
  private static String bareName(Field field) {
    boolean bytes =
        field instanceof Field.Raw || field instanceof Field.Group group && group.refined();
    return bytes ? NUMBERED.matcher(field.name()).replaceFirst("") : field.name();
  }

  private static void direct(
      DeviceSection device,
      Field.Group group,
      String rest,
      String path,
      Function<Field, String> name,
      List<FieldPath> found) {
    for (Field child : group.children()) {
      if (!rest.startsWith(name.apply(child))) {
        continue;
      }
      String after = rest.substring(name.apply(child).length());
      Index index = Index.at(after);
      String childPath = path + "/" + child.label();
      if (child.index() >= 0) {
        if (index == null || index.value() != child.index()) {
          continue;
        }
        after = after.substring(index.length());
        index = Index.at(after);
      }
      if (after.isEmpty()) {
        found.add(new FieldPath(device, child, -1, childPath));
      } else if (index != null
          && index.length() == after.length()
          && elements(child) instanceof Field.Array array
          && index.value() < array.count()) {
        String element = array.count() > 16 ? "[0x%x]" : "[%d]";
        found.add(
            new FieldPath(
                device, array, (int) index.value(), childPath + element.formatted(index.value())));
      } else if (child instanceof Field.Group nested && after.startsWith("/")) {
        direct(device, nested, after.substring(1), childPath, found);
      }
    }
  }

  /** What an index counts: an array's elements, or the bytes of a buffer. */
  private static @Nullable Field elements(Field field) {
    boolean bytes =
        field instanceof Field.Raw || field instanceof Field.Group group && group.refined();
    return bytes
        ? new Field.Array(
            field.name(),
            field.index(),
            BYTE,
            (int) Math.min(field.span().length(), Integer.MAX_VALUE),
            field.span())
        : field;
  }

  /** Looks into nested groups for a path that leaves their names out. */
  private static void deeper(
      DeviceSection device, Field.Group group, String rest, String path, List<FieldPath> found) {
    for (Field child : group.children()) {
      if (child instanceof Field.Group nested) {
        String nestedPath = path + "/" + child.label();
        direct(device, nested, rest, nestedPath, found);
        deeper(device, nested, rest, nestedPath, found);
      }
    }
  }

  /** A bracketed number, decimal or 0x hexadecimal, at the start of a text. */
  private record Index(long value, int length) {
    private static final Pattern NUMBER =
        Pattern.compile("\\[(?:0[xX]([0-9a-fA-F]{1,8})|([0-9]{1,10}))]");

    static @Nullable Index at(String text) {
      Matcher matcher = NUMBER.matcher(text);
      if (!matcher.lookingAt()) {
        return null;
      }
      long value =
          matcher.group(1) != null
              ? Long.parseLong(matcher.group(1), 16)
              : Long.parseLong(matcher.group(2));
      return new Index(value, matcher.end());
    }
  }

  private static NotFoundException ambiguous(String path, List<FieldPath> found) {
    List<String> paths = found.stream().map(FieldPath::path).limit(8).toList();
    return new NotFoundException(
        "'%s' fits %d fields: name one of %s".formatted(path, found.size(), paths));
  }

  private static NotFoundException noDevice(List<DeviceSection> devices, String path) {
    List<String> names =
        devices.stream()
            .map(DeviceSection::label)
            .sorted(Comparator.comparingInt((String n) -> -sharedPrefix(n, path)))
            .limit(6)
            .toList();
    if (names.isEmpty()) {
      return new NotFoundException("no device '%s': there is none in it".formatted(path));
    }
    return new NotFoundException(
        "no device '%s': 'vmstate devices' lists them, for example %s".formatted(path, names));
  }

  private static NotFoundException noField(DeviceSection partly, String path) {
    if (partly.decoded() == DeviceSection.Decoded.OPAQUE) {
      return new NotFoundException(
          "no field '%s': nothing describes the bytes of %s".formatted(path, partly.label()));
    }
    String wanted = path.substring(Math.min(path.length(), partly.label().length() + 1));
    List<String> names =
        partly.root().children().stream()
            .map(Field::label)
            .sorted(Comparator.comparingInt((String n) -> -sharedPrefix(n, wanted)))
            .limit(8)
            .toList();
    return new NotFoundException(
        "no field '%s': %s has %d fields, for example %s"
            .formatted(path, partly.label(), partly.root().children().size(), names));
  }

  private static int sharedPrefix(String a, String b) {
    int length = 0;
    while (length < Math.min(a.length(), b.length()) && a.charAt(length) == b.charAt(length)) {
      length++;
    }
    return length;
  }
}
