package dev.vmstate.check;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.VmDescription.Struct;
import dev.vmstate.schema.ClassDescription.DescribedField;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Two descriptions of one section. Nothing on the wire says what a field is, so another name or
 * another nesting is nothing; another length shifts all that follows, and the load ends at the
 * section's footer. A length that follows the device's state (a queue's, an optional field's) is no
 * difference: both sides read it from the stream.
 */
final class StructComparison {
  private static final int LOOK_AHEAD = 64;

  /** {@code hw/ide/core.c}, is_identify_set: a disk that was identified. */
  private static final Set<String> BY_STATE = Set.of("ide_drive/identify_data");

  private final DeviceSection section;
  private final long ownVersion;
  private final Destination to;
  private final List<Finding> findings;
  private final Set<Long> values = new HashSet<>();

  StructComparison(DeviceSection section, long ownVersion, Destination to, List<Finding> findings) {
    this.section = section;
    this.ownVersion = ownVersion;
    this.to = to;
    this.findings = findings;
  }

  void compare(Struct saved, Struct ownStruct) throws IOException {
    if (saved.name().isEmpty() || ownStruct.name().isEmpty()) {
      return; // written by a function of the device's own, which alone knows what it reads
    }
    scalars(section.root());
    fields(saved, ownStruct, "");
    SubsectionCheck.of(section, to, findings);
    Map<String, Struct> known = new HashMap<>();
    subsections(ownStruct, known, 0);
    Map<String, Struct> sent = new HashMap<>();
    subsections(saved, sent, 0);
    for (Map.Entry<String, Struct> subsection : sent.entrySet()) {
      Struct same = known.get(subsection.getKey());
      if (same != null) {
        fields(subsection.getValue(), same, subsection.getKey());
      }
    }
  }

  /** Numbers that may be the length of something. */
  private void scalars(Field.Group group) {
    for (Field child : group.children()) {
      if (child instanceof Field.Scalar scalar) {
        values.add(scalar.value());
      } else if (child instanceof Field.Group nested) {
        scalars(nested);
      }
    }
  }

  private static void subsections(Struct struct, Map<String, Struct> into, int depth) {
    for (Struct subsection : struct.subsections()) {
      into.putIfAbsent(subsection.name(), subsection);
      subsections(subsection, into, depth + 1);
    }
    for (var entry : struct.fields()) {
      if (entry.struct() != null && depth < 64) {
        subsections(entry.struct(), into, depth + 1);
      }
    }
  }

  private void fields(Struct saved, Struct ownStruct, String path) {
    List<WireField> a = WireField.of(saved);
    List<WireField> b = WireField.of(ownStruct);
    long bytes = WireField.total(a);
    if (bytes >= 0 && bytes == WireField.total(b)) {
      return;
    }
    int i = 0;
    int j = 0;
    while (i < a.size() || j < b.size()) {
      if (i < a.size() && j < b.size() && a.get(i).name().equals(b.get(j).name())) {
        same(a.get(i++), b.get(j++), path);
        continue;
      }
      boolean laterThere = i < a.size() && stands(a.get(i).name(), b, j);
      boolean laterHere = j < b.size() && stands(b.get(j).name(), a, i);
      if (i < a.size() && j < b.size() && laterThere == laterHere) {
        if (!a.get(i).sameBytes(b.get(j))) {
          onlySaved(a.get(i), path);
          onlyOwn(b.get(j), path);
        }
        i++;
        j++;
      } else if (j >= b.size() || i < a.size() && laterHere) {
        onlySaved(a.get(i++), path);
      } else {
        onlyOwn(b.get(j++), path);
      }
    }
  }

  private static boolean stands(String name, List<WireField> fields, int from) {
    for (int i = from; i < Math.min(fields.size(), from + LOOK_AHEAD); i++) {
      if (fields.get(i).name().equals(name)) {
        return true;
      }
    }
    return false;
  }

  private static String at(String path, WireField field) {
    return path.isEmpty() ? field.path() : path + "/" + field.path();
  }

  private void same(WireField saved, WireField ownField, String path) {
    if (saved.sameBytes(ownField)) {
      return;
    }
    if (saved.elements() != null
        && ownField.elements() != null
        && saved.size() != ownField.size()) {
      fields(saved.elements(), ownField.elements(), at(path, saved));
    } else if (saved.size() != ownField.size()) {
      if (saved.size() >= 0 && ownField.size() >= 0) {
        report(
            saved,
            path,
            "%d bytes, the destination's has %d".formatted(saved.size(), ownField.size()));
      }
    }
    if (saved.count() != ownField.count() && !lengthIsState(saved, ownField)) {
      report(
          saved,
          path,
          "%d elements, the destination's has %d".formatted(saved.count(), ownField.count()));
    }
  }

  /** Whether a field of that name may be there or not, or has a length, as the state says. */
  private boolean lengthIsState(WireField saved, WireField ownField) {
    for (DescribedField field : described(saved)) {
      if (field.count() > 0) {
        return field.count() != ownField.count();
      }
    }
    return values.contains(saved.count());
  }

  /**
   * What QEMU says of a field of that name, in that struct wherever it stands: not every device is
   * a class, and QEMU up to 7.2 does not list all classes, but their parts are parts of others too.
   */
  private List<DescribedField> described(WireField field) {
    return to.classes().anywhere(field.owner()).stream()
        .flatMap(description -> description.fields().stream())
        .filter(described -> described.name().equals(field.name()))
        .toList();
  }

  private void report(WireField field, String path, String reason) {
    findings.add(
        Finding.error(section.label(), at(path, field), reason)
            .fixedBy("drop-section", section.label())
            .at("the device then keeps its state of after reset"));
  }

  private void onlySaved(WireField field, String path) {
    if (mayBeMissing(field)) {
      findings.add(
          Finding.info(
              section.label(),
              at(path, field),
              "the destination expects this field when the device's state says so"));
    } else if (field.size() >= 0) {
      report(field, path, "the destination has no such field");
    }
  }

  private void onlyOwn(WireField field, String path) {
    if (!mayBeMissing(field) && field.size() >= 0) {
      report(field, path, "the destination expects this field, which the stream has not");
    }
  }

  /**
   * Conditions are of two kinds: what the device's state says, which the destination reads from the
   * stream, and what its machine type says, where both must agree. The first kind is rare.
   */
  private boolean mayBeMissing(WireField field) {
    return BY_STATE.contains(field.owner() + "/" + field.name())
        || section.version() != ownVersion
        || described(field).stream().anyMatch(d -> d.version() > section.version());
  }
}
