package dev.vmstate.cpu;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The numbers of one device section by QEMU's names for them ({@code env.segs[1]/base}), wherever
 * they stand: subsections are looked through.
 */
final class CpuFields {
  /** No register file has more of a kind; a stream may claim anything. */
  private static final int MOST_STRUCTS = 16;

  private static final Pattern ELEMENT = Pattern.compile("(.+)\\[(\\d{1,4})]");

  private final DeviceSection section;
  private final String prefix;
  private final Map<String, Entry> entries = new HashMap<>();

  /** Structs by the name of their description, in the order of the stream. */
  private final Map<String, List<String>> structs = new HashMap<>();

  /** Arrays are small and asked for element by element. */
  private final Map<Field, byte[]> read = new IdentityHashMap<>();

  private record Entry(String path, Field field) {}

  /** {@code prefix}: how a person names the section, e.g. {@code cpu[0]}. */
  CpuFields(DeviceSection section, String prefix) {
    this.section = section;
    this.prefix = prefix;
    add(section.root(), "", prefix);
  }

  private void add(Field.Group group, String name, String path) {
    for (Field child : group.children()) {
      String childPath = path + "/" + child.label();
      if (child instanceof Field.Group nested) {
        boolean subsection = nested.kind() == Field.GroupKind.SUBSECTION;
        String childName = subsection ? name : name + child.label() + "/";
        structs.computeIfAbsent(nested.vmsd(), v -> new ArrayList<>()).add(childPath + "/");
        add(nested, childName, childPath);
      } else {
        Entry entry = new Entry(childPath, child);
        entries.putIfAbsent(name + child.label(), entry);
        // The main section and cpu/avx512 both call an array env.xmm_regs: the path tells which.
        entries.put(childPath, entry);
      }
    }
  }

  /** The section's own name for people. */
  String prefix() {
    return prefix;
  }

  /**
   * The structs of a description, in the order of the stream: what their fields' names begin with.
   */
  List<String> structs(String vmsd) {
    List<String> all = structs.getOrDefault(vmsd, List.of());
    return all.subList(0, Math.min(all.size(), MOST_STRUCTS));
  }

  /** Whether there is such a number, or array of numbers. */
  boolean has(String name) {
    return entries.containsKey(name);
  }

  /** How many elements an array has; 0 when there is none. */
  int count(String name) {
    Entry entry = entries.get(name);
    return entry != null && entry.field() instanceof Field.Array array ? array.count() : 0;
  }

  /** Whether the number has a sign. */
  boolean signed(String name) {
    Entry entry = entries.get(name);
    return entry != null && entry.field() instanceof Field.Scalar scalar && scalar.type().signed();
  }

  /** A number, or an array's element, as the part of a register from bit {@code at} on. */
  Optional<RegisterPart> part(String name, int at) throws IOException {
    Entry entry = entries.get(name);
    if (entry != null && entry.field() instanceof Field.Scalar scalar) {
      return Optional.of(
          RegisterPart.field(
              entry.path(), scalar.span(), scalar.value(), at, scalar.type().littleEndian()));
    }
    Matcher element = ELEMENT.matcher(name);
    if (!element.matches()) {
      return Optional.empty();
    }
    entry = entries.get(element.group(1));
    int i = Integer.parseInt(element.group(2));
    if (entry != null && entry.field() instanceof Field.Array array && i < array.count()) {
      return Optional.of(
          RegisterPart.field(
              entry.path() + "[" + i + "]",
              array.element(i),
              array.type().decode(bytes(array), i * array.type().width()),
              at,
              array.type().littleEndian()));
    }
    return Optional.empty();
  }

  /** Eight bytes of a buffer, lowest first, as the part of a register from bit {@code at} on. */
  Optional<RegisterPart> piece(String name, int from, int at) throws IOException {
    return piece(name, from, Long.BYTES, at);
  }

  /** The same for {@code length} bytes, eight at most. */
  Optional<RegisterPart> piece(String name, int from, int length, int at) throws IOException {
    Entry entry = entries.get(name);
    if (entry == null || entry.field().span().length() < from + length) {
      return Optional.empty();
    }
    byte[] bytes = bytes(entry.field());
    long value = 0;
    for (int i = length; i-- > 0; ) {
      value = value << 8 | bytes[from + i] & 0xff;
    }
    return Optional.of(
        new RegisterPart(
            entry.path() + "[" + from + "]",
            entry.field().span().at(from, length),
            value,
            0,
            length * 8,
            at,
            true));
  }

  private byte[] bytes(Field field) throws IOException {
    byte[] known = read.get(field);
    if (known == null) {
      known = section.bytes(field);
      read.put(field, known);
    }
    return known;
  }
}
