package dev.vmstate.cli;

import dev.vmstate.inject.StructureEdits;
import dev.vmstate.structure.Sections;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Takes a device's section out of a snapshot. */
@Command(
    name = "drop-section",
    mixinStandardHelpOptions = true,
    description = {
      "Takes a whole device section out of the stream: for a QEMU that has no such device.",
      "Its description in the stream goes with it."
    },
    footer = {"", "Example:", "  vmstate drop-section vm.mig 0000:00:03.0/e1000 -o new.mig"})
final class DropSectionCommand extends StructureCommand {
  @Parameters(
      index = "1",
      paramLabel = "NAME",
      description = "The section as 'vmstate devices' prints it, NAME or NAME[INSTANCE].")
  private String name;

  @Override
  void edit(StructureEdits edits, Output printing) throws IOException {
    Sections.drop(edits, name, "drop-section");
  }
}
