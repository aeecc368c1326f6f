package dev.vmstate.schema;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Every device class a QEMU was compiled with that can be migrated, as {@code -dump-vmstate FILE}
 * writes them. It tells of classes, not of the machine: a section's name ends in the name of a
 * class's description, and which devices there are nobody says. What is no device (the CPU's own
 * state, slirp, the timers) is not in it.
 *
 * <pre>
 * {"vmschkmachine": {"Name": machine}, class: {"Name", "version_id", "minimum_version_id",
 *  "Description": {"name", "version_id", "minimum_version_id",
 *    "Fields": [{"field", "version_id", "field_exists", "num", "size", "Description"}],
 *    "Subsections": [Description]}}}
 * </pre>
 *
 * <p>Source: {@code migration/savevm.c}, dump_vmstate_json_to_file.
 */
public final class DeviceClasses {
  private final String machine;
  private final Map<String, ClassDescription> classes;
  private final Map<String, List<String>> byDescription = new HashMap<>();
  private final Map<String, List<ClassDescription>> described = new HashMap<>();
  private final Set<String> subsections = new HashSet<>();

  /**
   * A dump's contents.
   *
   * @param machine the machine type QEMU was started with
   * @param classes the description of each class
   */
  public DeviceClasses(String machine, Map<String, ClassDescription> classes) {
    this.machine = machine;
    this.classes = Map.copyOf(classes);
    this.classes.forEach(
        (name, description) -> {
          byDescription.computeIfAbsent(description.name(), key -> new ArrayList<>()).add(name);
          index(description);
        });
    byDescription.values().forEach(names -> names.sort(null));
  }

  private void index(ClassDescription description) {
    described.computeIfAbsent(description.name(), key -> new ArrayList<>()).add(description);
    for (ClassDescription.DescribedField field : description.fields()) {
      if (field.struct() != null) {
        index(field.struct());
      }
    }
    for (ClassDescription subsection : description.subsections()) {
      subsections.add(subsection.name());
      index(subsection);
    }
  }

  /** The machine type QEMU was started with. */
  public String machine() {
    return machine;
  }

  /** Names of the classes whose state is described under that name, e.g. of {@code vga}: VGA. */
  public List<String> classesOf(String description) {
    return List.copyOf(byDescription.getOrDefault(description, List.of()));
  }

  /** The descriptions of that name that a section can have. */
  public List<ClassDescription> sections(String description) {
    return classesOf(description).stream().map(classes::get).toList();
  }

  /** The descriptions of that name wherever they stand: a section's, a struct's, a subsection's. */
  public List<ClassDescription> anywhere(String description) {
    return List.copyOf(described.getOrDefault(description, List.of()));
  }

  /** Whether any description has a subsection of that name. */
  public boolean hasSubsection(String name) {
    return subsections.contains(name);
  }

  /** The description of a section's state by the section's name, which ends in it. */
  public Optional<String> descriptionOf(String idstr) {
    for (int at = 0; at >= 0; at = idstr.indexOf('/', at) < 0 ? -1 : idstr.indexOf('/', at) + 1) {
      String rest = idstr.substring(at);
      if (byDescription.containsKey(rest)) {
        return Optional.of(rest);
      }
    }
    return Optional.empty();
  }
}
