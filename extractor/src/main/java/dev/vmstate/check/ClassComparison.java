package dev.vmstate.check;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.ScalarType;
import dev.vmstate.device.VmDescription.Struct;
import dev.vmstate.schema.ClassDescription;
import dev.vmstate.schema.ClassDescription.DescribedField;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A section against the description of its class, where no such device is there to be compared
 * with. A class says names, and sizes in memory; so fields of one name and another size are told,
 * and fields of a name that the class has not are a reason to look.
 */
final class ClassComparison {
  private ClassComparison() {}

  static void of(
      DeviceSection section,
      Struct saved,
      List<ClassDescription> classes,
      Destination to,
      List<Finding> findings) {
    Map<String, DescribedField> known = new HashMap<>();
    classes.forEach(description -> collect(description, known, 0));
    for (WireField field : WireField.of(saved)) {
      // vmdesc numbers fields of one name from QEMU 9.2 on: config[0]
      DescribedField same =
          known.getOrDefault(field.name(), known.get(field.name().replaceFirst("\\[\\d+]$", "")));
      if (same == null) {
        findings.add(
            Finding.warning(
                section.label(),
                field.path(),
                "QEMU %s has no field of this name here".formatted(to.qemu())));
      } else if (otherSize(field, same)) {
        findings.add(
            Finding.error(
                    section.label(),
                    field.path(),
                    "%d bytes, in QEMU %s it has %d"
                        .formatted(field.size(), to.qemu(), same.size()))
                .fixedBy("drop-section", section.label())
                .at("the device's state is lost"));
      } else if (same.count() > 0 && same.count() != field.count() && field.elements() == null) {
        findings.add(
            Finding.warning(
                section.label(),
                field.path(),
                "%d elements, in QEMU %s it has %d"
                    .formatted(field.count(), to.qemu(), same.count())));
      }
    }
  }

  /** Fields of one name that differ among themselves say nothing. */
  private static void collect(
      ClassDescription description, Map<String, DescribedField> known, int depth) {
    for (DescribedField field : description.fields()) {
      known.merge(field.name(), field, (a, b) -> a.size() == b.size() ? a : vague(a));
      if (field.struct() != null && depth < 64) {
        collect(field.struct(), known, depth + 1);
      }
    }
  }

  private static DescribedField vague(DescribedField field) {
    return new DescribedField(field.name(), field.version(), true, 0, 0, null);
  }

  /** sizeof says a number's or buffer's size in the stream, not a timer's or a pointer's. */
  private static boolean otherSize(WireField field, DescribedField known) {
    boolean number =
        ScalarType.of(field.type()).isPresent()
            && !field.type().equals("timer")
            && known.size() < 8
            && known.size() > 0;
    boolean buffer = field.type().equals("buffer") && known.size() > 8 && known.count() == 0;
    return known.struct() == null
        && field.elements() == null
        && (number || buffer)
        && known.size() != field.size();
  }
}
