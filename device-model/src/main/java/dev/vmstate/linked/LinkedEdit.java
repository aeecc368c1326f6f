package dev.vmstate.linked;

import dev.vmstate.device.FieldEdit;
import java.util.List;

/**
 * What one request changes, and what it leaves.
 *
 * @param edits every field
 * @param limits what keeps its old value, and why, for people
 */
public record LinkedEdit(List<FieldEdit> edits, List<String> limits) {
  public LinkedEdit {
    edits = List.copyOf(edits);
    limits = List.copyOf(limits);
  }
}
