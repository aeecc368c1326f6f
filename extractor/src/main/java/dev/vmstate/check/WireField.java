package dev.vmstate.check;

import dev.vmstate.device.ScalarType;
import dev.vmstate.device.VmDescription.Entry;
import dev.vmstate.device.VmDescription.Struct;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A field as the wire has it. Structs that stand once leave no trace on the wire, so their fields
 * count as the section's own, whatever the struct is called; subsections are left out.
 *
 * @param path names of the structs around it and its own
 * @param name its own
 * @param owner vmsd_name of the struct it is in
 * @param type vmdesc's
 * @param size bytes of an element without subsections, or -1 when they vary with the state
 * @param count elements
 * @param elements what an array's elements are made of, or null
 */
record WireField(
    String path,
    String name,
    String owner,
    String type,
    long size,
    long count,
    @Nullable Struct elements) {
  private static final int MOST = 1 << 16;

  /** Types of fixed length besides numbers. */
  private static final List<String> FIXED =
      List.of("buffer", "unused_buffer", "pci config", "pci irq state", "float64", "struct", "tmp");

  static List<WireField> of(Struct struct) {
    List<WireField> fields = new ArrayList<>();
    add(struct, "", fields, 0);
    return fields;
  }

  private static void add(Struct struct, String path, List<WireField> into, int depth) {
    for (Entry entry : struct.fields()) {
      if (into.size() >= MOST || entry.size() == 0 || entry.count() == 0) {
        continue;
      }
      String at = path.isEmpty() ? entry.name() : path + "/" + entry.name();
      Struct nested = entry.struct();
      if (nested != null && described(entry, nested) && depth < 64) {
        if (!entry.array()) {
          add(nested, at, into, depth + 1);
        } else {
          long size = plain(nested, depth + 1);
          into.add(field(at, struct, entry, size, nested));
        }
      } else {
        long size = fixed(entry) ? entry.size() : -1;
        into.add(field(at, struct, entry, size, null));
      }
    }
  }

  private static WireField field(
      String path, Struct struct, Entry entry, long size, @Nullable Struct elements) {
    return new WireField(
        path, entry.name(), struct.name(), entry.type(), size, entry.count(), elements);
  }

  private static boolean fixed(Entry entry) {
    return entry.struct() == null
        && (FIXED.contains(entry.type()) || ScalarType.of(entry.type()).isPresent());
  }

  /** Whether the nested description explains the element's bytes. */
  private static boolean described(Entry entry, Struct nested) {
    try {
      return !nested.fields().isEmpty() && !nested.ambiguous() && nested.wireSize() == entry.size();
    } catch (ArithmeticException e) {
      return false;
    }
  }

  /** Bytes of a struct without its subsections, or -1 when they vary. */
  private static long plain(Struct struct, int depth) {
    List<WireField> fields = new ArrayList<>();
    add(struct, "", fields, depth);
    return total(fields);
  }

  /** Bytes of all, or -1 when they vary or overflow. */
  static long total(List<WireField> fields) {
    long total = 0;
    try {
      for (WireField field : fields) {
        if (field.size() < 0) {
          return -1;
        }
        total = Math.addExact(total, Math.multiplyExact(field.size(), field.count()));
      }
    } catch (ArithmeticException e) {
      return -1;
    }
    return total;
  }

  /** Whether both take the same bytes. */
  boolean sameBytes(WireField other) {
    return size < 0 || other.size < 0
        ? size == other.size && type.equals(other.type)
        : size == other.size && count == other.count;
  }
}
