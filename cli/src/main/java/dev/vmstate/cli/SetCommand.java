package dev.vmstate.cli;

import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldPath;
import dev.vmstate.hardware.HardwareState;
import dev.vmstate.hardware.ValuePath;
import dev.vmstate.inject.EditPlan;
import dev.vmstate.snapshot.StreamSnapshot;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Changes single values. */
@Command(
    name = "set",
    mixinStandardHelpOptions = true,
    description = "Changes device fields and registers.",
    footer = {
      "",
      "Example:",
      "  vmstate set vm.mig cpu[0]/rax=0x2a mc146818rtc/cmos_index=12 -o new.mig"
    })
final class SetCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;
  @Mixin private EditTarget target;

  @Parameters(
      index = "1..*",
      arity = "1..*",
      paramLabel = "PATH=VALUE",
      description = "Numbers in decimal or 0x hex, buffers as hex, arrays as numbers.")
  private List<String> assignments;

  @Override
  public Integer call() throws Exception {
    target.check();
    try (StreamSnapshot opened = snapshot.openStream()) {
      HardwareState state = opened.hardware();
      EditSet edits = new EditSet();
      for (String assignment : assignments) {
        int equals = assignment.indexOf('=');
        if (equals <= 0) {
          throw new ParameterException(
              spec.commandLine(), "'%s' is not PATH=VALUE".formatted(assignment));
        }
        edits.add(
            ValuePath.edit(
                state,
                assignment.substring(0, equals),
                assignment.substring(equals + 1),
                "'" + assignment + "'"));
      }
      try (EditPlan plan = EditPlan.of(opened, edits)) {
        EditReport.print(target.carryOut(plan, output), target.done(), List.of(), output);
      }
    } catch (FieldPath.NotFoundException e) {
      throw snapshot.notThere(e);
    }
    return 0;
  }
}
