package dev.vmstate.convert.kvm;

import dev.vmstate.bytes.Progress;
import dev.vmstate.device.EditSet;
import dev.vmstate.inject.EditPlan;
import dev.vmstate.inject.InjectionReport;
import dev.vmstate.inject.MemoryReplacement;
import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A machine of the KVM runner in a stream of QEMU's: one that a machine of the same shape left,
 * whose CPUs, interrupt controllers, timer, serial port and memory become those of the runner's.
 * Everything else is the template's, byte for byte.
 */
public final class IntoTemplate implements Closeable {
  private final StreamSnapshot template;
  private final EditPlan plan;
  private final List<String> missing = new ArrayList<>();
  private final int fields;

  /**
   * Finds what changes; writes nothing.
   *
   * @param snapshot a directory of the runner
   * @throws IOException when the template's machine is another one
   */
  public IntoTemplate(EditableSnapshot snapshot, StreamSnapshot template) throws IOException {
    this.template = template;
    StreamMachine machine = StreamMachine.of(template.source().toString(), template.devices());
    MachineValues values = MachineValues.of(snapshot.devices());
    if (values.cpus().size() != machine.cpuCount()) {
      throw new IOException(
          "%s: has %d CPUs and %s has %d: start QEMU with -smp %d and save a template anew"
              .formatted(
                  template.source(),
                  machine.cpuCount(),
                  snapshot.source(),
                  values.cpus().size(),
                  values.cpus().size()));
    }
    EditSet edits = machine.toStream(values, snapshot.source().toString(), missing);
    this.fields = edits.edits().size();
    MemoryReplacement memory = new MemoryReplacement(template, snapshot.memory());
    List<String> unplaced = memory.unplaced();
    if (!unplaced.isEmpty()) {
      throw new IOException(
          "%s: has no RAM at %s of %s: start QEMU with more (-m) and save a template anew"
              .formatted(template.source(), unplaced.get(0), snapshot.source()));
    }
    this.plan = EditPlan.of(template, edits, memory);
  }

  /** What the runner's machine has and the template has no place for. */
  public List<String> missing() {
    return List.copyOf(missing);
  }

  /** How many fields of devices change. */
  public int fields() {
    return fields;
  }

  /** The template. */
  public StreamSnapshot template() {
    return template;
  }

  /** Writes the new stream; it appears when it is complete. */
  public InjectionReport writeTo(Path output, Progress progress) throws IOException {
    return plan.writeTo(output, progress);
  }

  @Override
  public void close() throws IOException {
    plan.close();
  }
}
