package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Progress;
import dev.vmstate.device.EditSet;
import dev.vmstate.exchange.OutputFile;
import dev.vmstate.snapshot.Snapshot;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Everything that is to change in one snapshot, ready to be written to a new file or into the old
 * one. Fields change where they stand. A page that has bytes in the stream changes where it stands;
 * one that has none (a ZERO record, or no record at all) is added as a data record right before the
 * end of the RAM section, where it is the last word on the page, so that only the tail behind RAM
 * moves. QEMU reads it so: ram_load_precopy takes records as they come.
 */
public final class EditPlan implements Closeable {
  private final Snapshot snapshot;
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
      Snapshot snapshot,
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
  public static EditPlan of(Snapshot snapshot, EditSet fields) {
    return new EditPlan(snapshot, fields, Optional.empty(), List.of(), () -> {});
  }

  /** What would change; writes nothing. */
  public InjectionReport dryRun() throws IOException {
    Changes changes = new Changes(snapshot, Optional.empty());
    visit(changes);
    return changes.report(fields.edits(), 0);
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
    long appendAt = snapshot.layout().ramAppendAt();
    try (OutputFile file = new OutputFile(output)) {
      PatchedCopy copy = new PatchedCopy(snapshot.file(), file, progress);
      copy.front(appendAt);
      Changes changes = new Changes(snapshot, Optional.of(copy));
      visit(changes);
      copy.rest(appendAt);
      for (Patch patch : fields.patches()) {
        copy.patch(patch);
      }
      file.commit();
      UndoJournal.forget(output);
      return changes.report(fields.edits(), patchBytes());
    }
  }

  /** Changes the snapshot itself, with an undo journal beside it. */
  public InjectionReport inPlace() throws IOException {
    InjectionReport report = dryRun();
    if (report.isEmpty()) {
      return report;
    }
    return inPlace(report, Opener.PLAIN);
  }

  InjectionReport inPlace(InjectionReport report, Opener opener) throws IOException {
    try (InPlace edit = new InPlace(snapshot.path(), opener)) {
      long appendAt = snapshot.layout().ramAppendAt();
      edit.carryOut(
          snapshot.stream().size(),
          appendAt,
          target -> {
            visit(new Changes(snapshot, Optional.of(target)));
            for (Patch patch : fields.patches()) {
              target.patch(patch);
            }
          });
      long tail = report.appendedPages() == 0 ? 0 : snapshot.stream().size() - appendAt;
      return new InjectionReport(
          report.fields(),
          report.ranges(),
          report.moreRanges(),
          report.pages(),
          report.appendedPages(),
          report.memoryBytes(),
          report.fileBytes() + patchBytes() + tail);
    }
  }

  private long patchBytes() {
    return fields.patches().stream().mapToLong(p -> p.where().length()).sum();
  }

  private void visit(Changes changes) throws IOException {
    if (ram.isPresent()) {
      ram.get().visit(changes);
    }
  }

  @Override
  public void close() throws IOException {
    resources.close();
  }
}
