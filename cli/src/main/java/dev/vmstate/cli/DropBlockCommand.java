package dev.vmstate.cli;

import dev.vmstate.inject.StructureEdits;
import dev.vmstate.structure.RamBlocks;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Takes a RAM block out of a snapshot. */
@Command(
    name = "drop-block",
    mixinStandardHelpOptions = true,
    description = {
      "Takes a RAM block and all its pages out: a card's ROM, for a QEMU without the card.",
      "QEMU loads no stream with a block it does not have."
    },
    footer = {"", "Example:", "  vmstate drop-block vm.mig 0000:00:03.0/e1000.rom -o new.mig"})
final class DropBlockCommand extends StructureCommand {
  @Parameters(
      index = "1",
      paramLabel = "NAME",
      description = "The block as 'vmstate info' prints it.")
  private String name;

  @Override
  void edit(StructureEdits edits, Output printing) throws IOException {
    RamBlocks.drop(edits, name, "drop-block", printing.progress());
  }
}
