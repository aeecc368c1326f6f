package dev.vmstate.cli;

import dev.vmstate.inject.EditPlan;
import dev.vmstate.inject.InjectionReport;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where an edit goes: a new file, the snapshot itself, or nowhere. */
final class EditTarget {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "NEW",
      description = "The new snapshot.")
  private @Nullable Path output;

  @Option(
      names = "--in-place",
      description = "Change the snapshot itself; 'vmstate undo' takes it back.")
  private boolean inPlace;

  @Option(names = "--dry-run", description = "Report what would change; write nothing.")
  private boolean dryRun;

  /** Exactly one of the three, or it is wrong usage. */
  void check() {
    int given = (output != null ? 1 : 0) + (inPlace ? 1 : 0) + (dryRun ? 1 : 0);
    if (given != 1 && !(dryRun && given == 2)) {
      throw new ParameterException(
          spec.commandLine(), "say where the result goes: -o NEW, --in-place or --dry-run");
    }
  }

  /**
   * Before anything of it is read: where a compressed stream is decompressed to if it must be; a
   * pipe is kept there, since an edit needs its bytes twice.
   */
  void prepare(EditableSnapshot snapshot, Output printing) throws IOException {
    if (snapshot.stream().forward()) {
      if (inPlace) {
        throw EditPlan.notInPlace(snapshot);
      }
      if (output != null) {
        snapshot.scratch(output.toAbsolutePath().resolveSibling("").normalize());
      }
      if (snapshot.isPipe()) {
        snapshot.randomAccess(printing.progress());
      }
    }
  }

  InjectionReport carryOut(EditPlan plan, Output printing) throws IOException {
    if (dryRun) {
      return plan.dryRun();
    }
    return output == null ? plan.inPlace() : plan.writeTo(output, printing.progress());
  }

  /** How the report's last line begins. */
  String done() {
    return dryRun ? "would change" : inPlace ? "changed in place" : "wrote " + output;
  }
}
