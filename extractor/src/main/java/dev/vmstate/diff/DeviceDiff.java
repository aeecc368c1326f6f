package dev.vmstate.diff;

import java.util.List;

/**
 * A device both snapshots have, with different state.
 *
 * @param device its label, e.g. {@code i8259[1]}
 * @param fields the values that differ, in stream order
 * @param structure where the two do not have the same fields, one line each; what both have is
 *     compared all the same
 */
public record DeviceDiff(String device, List<FieldChange> fields, List<String> structure) {
  public DeviceDiff {
    fields = List.copyOf(fields);
    structure = List.copyOf(structure);
  }

  /** Whether nothing differs. */
  public boolean same() {
    return fields.isEmpty() && structure.isEmpty();
  }
}
