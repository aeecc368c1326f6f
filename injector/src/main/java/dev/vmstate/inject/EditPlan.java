package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Progress;
import dev.vmstate.device.EditSet;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Everything that is to change in one snapshot, ready to be written to a new file or into the old
 * one. Fields change where they stand. A page that has bytes in the stream changes where it stands;
 * one that has none (a ZERO record, or no record at all) is added as a data record right before the
 * end of the RAM section, where it is the last word on the page, so that only the tail behind RAM
 * moves. QEMU reads it so: ram_load_precopy takes records as they come.
 */
public final class EditPlan implements Closeable {
  private final StreamSnapshot snapshot;
  private final EditSet fields;
  private final Optional<RamEdits> ram;
  private final List<Path> inputs;
  private final Closeable resources;

  /**
   * A plan with everything it needs until it is closed.
   *
   * @param inputs files the edits come from, which no output may replace
   * @param resources closed with the plan
   */
  EditPlan(
      StreamSnapshot snapshot,
      EditSet fields,
      Optional<RamEdits> ram,
      List<Path> inputs,
      Closeable resources) {
    this.inputs = List.copyOf(inputs);
    this.snapshot = snapshot;
    this.fields = fields;
    this.ram = ram;
    this.resources = resources;
  }

  /** A plan that changes fields only. */
  public static EditPlan of(StreamSnapshot snapshot, EditSet fields) {
    return new EditPlan(snapshot, fields, Optional.empty(), List.of(), () -> {});
  }

  /** What would change; writes nothing. */
  public InjectionReport dryRun() throws IOException {
    return new Draft().report();
  }

  /** Writes a new snapshot; {@code output} appears when it is complete. */
  public InjectionReport writeTo(Path output, Progress progress) throws IOException {
    if (Files.exists(output) && Files.isSameFile(output, snapshot.path())) {
      throw new IOException(
          output + ": is the snapshot itself: name another file, or say --in-place");
    }
    for (Path input : inputs) {
      if (Files.exists(output) && Files.exists(input) && Files.isSameFile(output, input)) {
        throw new IOException(output + ": holds the edits: name another file");
      }
    }
    Draft draft = new Draft();
    EditedCopy.write(snapshot.path(), output, draft.edits, draft.size, progress);
    UndoJournal.forget(output);
    return draft.report();
  }

  /** Changes the snapshot itself, with an undo journal beside it. */
  public InjectionReport inPlace() throws IOException {
    return inPlace(Opener.PLAIN);
  }

  InjectionReport inPlace(Opener opener) throws IOException {
    Draft draft = new Draft();
    if (!draft.report().isEmpty()) {
      try (InPlace edit = new InPlace(snapshot.path(), opener)) {
        edit.carryOut(snapshot.holder().fileSize(), draft.edits.appendAt(), draft.edits);
      }
    }
    return draft.report();
  }

  /** Everything told once, to nobody: how much is written and what changes. */
  private final class Draft {
    private final FileEdits edits;
    private final EditSize size;
    private final InjectionReport report;

    Draft() throws IOException {
      Told told = new Told();
      edits = FileEdits.of(snapshot.holder(), told);
      size = EditSize.of(edits, snapshot.holder().fileSize());
      report = told.report().written(size.written());
    }

    InjectionReport report() {
      return report;
    }
  }

  /** The plan in stream offsets. */
  private final class Told implements StreamEdits {
    private @Nullable Changes changes;

    @Override
    public long appendAt() throws IOException {
      return snapshot.layout().ramAppendAt();
    }

    @Override
    public void tell(StreamTarget target) throws IOException {
      changes = new Changes(snapshot, target);
      if (ram.isPresent()) {
        ram.get().visit(changes);
      }
      for (Patch patch : fields.patches()) {
        target.patch(patch);
      }
    }

    /** Of the last telling. */
    InjectionReport report() {
      return Objects.requireNonNull(changes).report(fields.edits());
    }
  }

  @Override
  public void close() throws IOException {
    resources.close();
  }
}
