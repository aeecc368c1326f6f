package dev.vmstate.check;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.schema.ClassDescription;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Subsections of a section that the destination may not know. One that it does not know ends the
 * load ({@code migration/vmstate.c}, vmstate_subsection_load); one that it knows and does not get
 * is no error.
 */
final class SubsectionCheck {
  private SubsectionCheck() {}

  static void of(DeviceSection section, Destination to, List<Finding> findings) throws IOException {
    walk(section.root(), "", section, to, findings);
  }

  private static void walk(
      Field.Group group, String path, DeviceSection section, Destination to, List<Finding> findings)
      throws IOException {
    for (Field child : group.children()) {
      if (child instanceof Field.Group nested) {
        String at = path.isEmpty() ? child.label() : path + "/" + child.label();
        boolean inside = true;
        // What a built-in layout found within a field is the device's own affair, not vmstate's.
        if (nested.kind() == Field.GroupKind.SUBSECTION && !nested.vmsd().isEmpty()) {
          inside = known(nested, at, section, to, findings);
        }
        if (inside) {
          walk(nested, at, section, to, findings);
        }
      }
    }
  }

  private static boolean known(
      Field.Group subsection,
      String path,
      DeviceSection section,
      Destination to,
      List<Finding> findings)
      throws IOException {
    Optional<Boolean> known = to.knowsSubsection(subsection.name());
    if (known.isEmpty()) {
      findings.add(
          Finding.warning(
              section.label(),
              path,
              "whether QEMU %s knows this subsection could not be found out".formatted(to.qemu())));
      return true;
    }
    List<ClassDescription> descriptions = to.classes().anywhere(subsection.name());
    long newest = descriptions.stream().mapToLong(ClassDescription::version).max().orElse(-1);
    boolean tooNew = !descriptions.isEmpty() && subsection.version() > newest;
    if (known.get() && !tooNew) {
      return true;
    }
    String reason =
        tooNew
            ? "subsection of version %d, QEMU %s reads up to %d"
                .formatted(subsection.version(), to.qemu(), newest)
            : "QEMU %s knows no such subsection".formatted(to.qemu());
    findings.add(
        Finding.error(section.label(), path, reason)
            .fixedBy("drop-subsection", section.label() + "/" + path)
            .at("what it says is lost"));
    return false;
  }
}
