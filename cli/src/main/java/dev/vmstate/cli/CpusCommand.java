package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import picocli.CommandLine.Command;

/** The CPUs' registers. */
@Command(
    name = "cpus",
    mixinStandardHelpOptions = true,
    description = "Prints every CPU's registers.",
    footer = {"", "Example:", "  vmstate cpus vm.mig"})
final class CpusCommand extends PartCommand {
  @Override
  void json(Snapshot opened, ObjectNode node) throws IOException {
    node.set("cpus", new Facts(opened).cpus(true));
  }

  @Override
  void text(Text text) throws IOException {
    text.cpus();
  }
}
