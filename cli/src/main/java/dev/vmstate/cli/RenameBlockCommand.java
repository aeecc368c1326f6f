package dev.vmstate.cli;

import dev.vmstate.inject.StructureEdits;
import dev.vmstate.structure.RamBlocks;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Gives a RAM block another name. */
@Command(
    name = "rename-block",
    mixinStandardHelpOptions = true,
    description = {
      "Gives a RAM block another name: for a QEMU whose memory backend is called differently.",
      "The block's size and bytes stay."
    },
    footer = {"", "Example:", "  vmstate rename-block vm.mig pc.ram ram-node0 -o new.mig"})
final class RenameBlockCommand extends StructureCommand {
  @Parameters(
      index = "1",
      paramLabel = "OLD",
      description = "The block as 'vmstate info' prints it.")
  private String old;

  @Parameters(index = "2", paramLabel = "NEW", description = "Its new name.")
  private String name;

  @Override
  void edit(StructureEdits edits, Output printing) throws IOException {
    RamBlocks.rename(edits, old, name, "rename-block", printing.progress());
  }
}
