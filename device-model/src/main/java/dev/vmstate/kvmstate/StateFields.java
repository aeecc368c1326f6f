package dev.vmstate.kvmstate;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Takes structures out of the sections of a {@link StateDocument}, by the names of their members.
 * Every member has to be there, and no other: a state that is put into KVM is all of it or none.
 */
public final class StateFields {
  private StateFields() {}

  /** The fields that the section has under that name. */
  private static List<Field> named(DeviceSection section, String name) {
    return section.root().children().stream().filter(f -> f.name().equals(name)).toList();
  }

  /** Whether the section has a member of that name. */
  public static boolean has(DeviceSection section, String name) {
    return !named(section, name).isEmpty();
  }

  /** A number that stands in the section by itself. */
  public static OptionalLong number(DeviceSection section, String name) {
    return named(section, name).stream()
        .filter(Field.Scalar.class::isInstance)
        .mapToLong(field -> ((Field.Scalar) field).value())
        .findFirst();
  }

  /**
   * A structure of the section; with an empty name, the section itself.
   *
   * @throws FormatException when it is not there, or a member is missing, or one is not known
   */
  public static StateValue value(DeviceSection section, String name, StateStruct shape)
      throws IOException {
    if (name.isEmpty()) {
      return group(section, section.root(), shape);
    }
    return find(section, name, shape)
        .orElseThrow(() -> bad(section, section.payload(), "no \"%s\"".formatted(name)));
  }

  /** The same, or empty when there is none of that name. */
  public static Optional<StateValue> find(DeviceSection section, String name, StateStruct shape)
      throws IOException {
    List<StateValue> all = list(section, name, shape);
    return all.isEmpty() ? Optional.empty() : Optional.of(all.get(0));
  }

  /** The elements of an array of structures, or the one structure of that name. */
  public static List<StateValue> list(DeviceSection section, String name, StateStruct shape)
      throws IOException {
    List<StateValue> values = new ArrayList<>();
    for (Field field : named(section, name)) {
      if (!(field instanceof Field.Group group)) {
        throw bad(section, field.span(), "\"%s\": an object was expected".formatted(name));
      }
      values.add(group(section, group, shape));
    }
    return values;
  }

  /**
   * The same, of an array that has at most so many.
   *
   * @throws FormatException also when it has more
   */
  public static List<StateValue> list(
      DeviceSection section, String name, StateStruct shape, int most) throws IOException {
    List<Field> all = named(section, name);
    if (all.size() > most) {
      throw bad(
          section,
          all.get(most).span(),
          "\"%s\" has %d elements, at most %d expected".formatted(name, all.size(), most));
    }
    return list(section, name, shape);
  }

  private static StateValue group(DeviceSection section, Field.Group group, StateStruct shape)
      throws IOException {
    byte[] bytes = new byte[shape.size()];
    members(section, group, shape, bytes, 0);
    return shape.of(bytes);
  }

  private static void members(
      DeviceSection section, Field.Group group, StateStruct shape, byte[] into, int at)
      throws IOException {
    Set<String> missing = new HashSet<>();
    shape.members().forEach(member -> missing.add(member.name()));
    for (Field field : group.children()) {
      Optional<StateStruct.Member> member =
          shape.members().stream().filter(m -> m.name().equals(field.name())).findFirst();
      if (member.isEmpty()) {
        reserved(section, field, shape, into, at);
        continue;
      }
      missing.remove(field.name());
      member(section, field, member.get(), into, at + member.get().offset());
    }
    if (!missing.isEmpty()) {
      throw bad(
          section,
          group.span(),
          "%s: no member %s".formatted(group.label(), String.join(", ", missing)));
    }
  }

  private static void member(
      DeviceSection section, Field field, StateStruct.Member member, byte[] into, int at)
      throws IOException {
    int count = Math.max(1, member.count());
    if (member instanceof StateStruct.Number number) {
      if (field instanceof Field.Raw || field instanceof Field.Group) {
        throw bad(section, field.span(), "%s: \"0x…\" was expected".formatted(field.label()));
      }
      byte[] bytes = section.bytes(field);
      if (bytes.length != number.width() * count) {
        throw size(section, field, number.width() * count);
      }
      for (int i = 0; i < count; i++) {
        System.arraycopy(bytes, i * number.width(), into, at + i * number.stride(), number.width());
      }
      return;
    }
    int element = Math.max(0, field.index());
    if (element >= count) {
      throw bad(section, field.span(), "%s: has %d elements".formatted(field.label(), count));
    }
    int from = at + element * member.stride();
    if (member instanceof StateStruct.Data data) {
      byte[] bytes = section.bytes(field);
      if (bytes.length != data.length()) {
        throw size(section, field, data.length());
      }
      System.arraycopy(bytes, 0, into, from, bytes.length);
    } else if (member instanceof StateStruct.Nested nested && field instanceof Field.Group inner) {
      members(section, inner, nested.struct(), into, from);
    } else {
      throw bad(section, field.span(), "%s: an object was expected".formatted(field.label()));
    }
  }

  private static void reserved(
      DeviceSection section, Field field, StateStruct shape, byte[] into, int at)
      throws IOException {
    byte[] bytes = section.bytes(field);
    for (int offset = 0; offset <= shape.size() - bytes.length; offset++) {
      if (field.name().equals(StateStruct.reserved(offset))) {
        System.arraycopy(bytes, 0, into, at + offset, bytes.length);
        return;
      }
    }
    throw bad(section, field.span(), "%s has no member %s".formatted(shape.name(), field.label()));
  }

  private static FormatException size(DeviceSection section, Field field, int expected) {
    return bad(
        section,
        field.span(),
        "%s: %d bytes, %d expected".formatted(field.label(), field.span().length(), expected));
  }

  private static FormatException bad(DeviceSection section, Span where, String what) {
    long at =
        section.source() instanceof HexBytes text ? text.textAt(where.offset()) : where.offset();
    return new FormatException(section.source().name(), at, section.label() + ": " + what);
  }
}
