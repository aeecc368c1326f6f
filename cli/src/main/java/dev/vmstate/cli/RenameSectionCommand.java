package dev.vmstate.cli;

import dev.vmstate.inject.StructureEdits;
import dev.vmstate.structure.Sections;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Gives a device's section another name. */
@Command(
    name = "rename-section",
    mixinStandardHelpOptions = true,
    description = {
      "Gives a device section another name: for a QEMU in which the device has another place.",
      "Its instance stays, and so does what its fields hold."
    },
    footer = {
      "",
      "Example:",
      "  vmstate rename-section vm.mig 0000:00:03.0/e1000 0000:00:05.0/e1000 -o new.mig"
    })
final class RenameSectionCommand extends StructureCommand {
  @Parameters(
      index = "1",
      paramLabel = "OLD",
      description = "The section as 'vmstate devices' prints it, NAME or NAME[INSTANCE].")
  private String old;

  @Parameters(index = "2", paramLabel = "NEW", description = "Its new name.")
  private String name;

  @Override
  void edit(StructureEdits edits, Output printing) throws IOException {
    Sections.rename(edits, old, name, "rename-section");
  }
}
