package dev.vmstate.cli;

import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldPath;
import dev.vmstate.inject.EditPlan;
import dev.vmstate.inject.StructureEdits;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;

/** A command that takes parts out of a snapshot, puts parts in, or gives them other names. */
abstract class StructureCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;
  @Mixin private EditTarget target;

  /** Says what is to change. */
  abstract void edit(StructureEdits edits, Output printing) throws IOException;

  @Override
  public Integer call() throws Exception {
    target.check();
    try (StreamSnapshot opened = snapshot.openStream()) {
      target.prepare(opened, output);
      StructureEdits edits = structure(opened, output);
      edit(edits, output);
      try (EditPlan plan =
          EditPlan.of(opened, new EditSet(), Optional.empty(), Optional.of(edits))) {
        EditReport.print(target.carryOut(plan, output), target.done(), List.of(), output);
      }
    } catch (FieldPath.NotFoundException e) {
      throw snapshot.notThere(e);
    }
    return 0;
  }

  /** Edits of a stream every part of which is near: one that is compressed is unpacked for it. */
  static StructureEdits structure(StreamSnapshot opened, Output printing) throws IOException {
    if (opened.stream().forward()) {
      opened.randomAccess(printing.progress());
    }
    return new StructureEdits(opened);
  }
}
