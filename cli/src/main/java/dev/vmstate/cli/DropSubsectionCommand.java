package dev.vmstate.cli;

import dev.vmstate.inject.StructureEdits;
import dev.vmstate.structure.Subsections;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Takes a subsection out of a device's state. */
@Command(
    name = "drop-subsection",
    mixinStandardHelpOptions = true,
    description = {
      "Takes an optional part out of a device's state: for a QEMU that does not know it.",
      "What the part held is then as the device has it after a reset."
    },
    footer = {
      "",
      "Example:",
      "  vmstate drop-subsection vm.mig cpu/cpu/poll_control_msr -o new.mig"
    })
final class DropSubsectionCommand extends StructureCommand {
  @Parameters(
      index = "1",
      paramLabel = "PATH/SUBSECTION",
      description = "The device, or the group in it, and the subsection's name.")
  private String path;

  @Override
  void edit(StructureEdits edits, Output printing) throws IOException {
    Subsections.drop(edits, path, "drop-subsection");
  }
}
