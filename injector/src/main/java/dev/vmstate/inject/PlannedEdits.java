package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.device.EditSet;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Fields and pages that change, in stream offsets, and the account of the last telling. */
final class PlannedEdits implements StreamEdits {
  private final StreamSnapshot snapshot;
  private final EditSet fields;
  private final Optional<RamEdits> ram;
  private @Nullable Changes changes;

  PlannedEdits(StreamSnapshot snapshot, EditSet fields, Optional<RamEdits> ram) {
    this.snapshot = snapshot;
    this.fields = fields;
    this.ram = ram;
  }

  @Override
  public long appendAt() throws IOException {
    return snapshot.layout().ramAppendAt();
  }

  @Override
  public void tell(StreamTarget target) throws IOException {
    changes = new Changes(snapshot, target);
    if (ram.isPresent()) {
      ram.get().visit(changes);
      changes.finish();
    }
    for (Patch patch : fields.patches()) {
      target.patch(patch);
    }
  }

  /** Whether there is any. */
  boolean any() {
    return !fields.edits().isEmpty() || ram.isPresent() && ram.get().count() > 0;
  }

  /** Of the last telling. */
  InjectionReport report() {
    return Objects.requireNonNull(changes).report(fields.edits());
  }
}
