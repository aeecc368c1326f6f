package dev.vmstate.structure;

import dev.vmstate.device.Field;
import java.util.ArrayList;
import java.util.List;

/** Where a field stands in its section's tree. */
final class Groups {
  private Groups() {}

  /** The groups around a field, from the section's root to its parent; empty for the root. */
  static List<Field.Group> around(Field.Group root, Field field) {
    List<Field.Group> path = new ArrayList<>();
    return find(root, field, path) ? path : List.of();
  }

  private static boolean find(Field.Group group, Field field, List<Field.Group> path) {
    path.add(group);
    for (Field child : group.children()) {
      if (child == field) {
        return true;
      }
      if (child instanceof Field.Group nested
          && nested.span().contains(field.span())
          && find(nested, field, path)) {
        return true;
      }
    }
    path.remove(path.size() - 1);
    return false;
  }

  /** The subsections of a group, in stream order. */
  static List<Field.Group> subsections(Field.Group group) {
    List<Field.Group> found = new ArrayList<>();
    for (Field child : group.children()) {
      if (child instanceof Field.Group nested && nested.kind() == Field.GroupKind.SUBSECTION) {
        found.add(nested);
      }
    }
    return found;
  }

  /** Every subsection of a group and below it, with the path that names it. */
  static List<String> subsectionPaths(Field.Group group, String path) {
    List<String> found = new ArrayList<>();
    for (Field child : group.children()) {
      if (child instanceof Field.Group nested) {
        String childPath = path + "/" + nested.label();
        if (nested.kind() == Field.GroupKind.SUBSECTION) {
          found.add(childPath);
        }
        found.addAll(subsectionPaths(nested, childPath));
      }
    }
    return found;
  }
}
