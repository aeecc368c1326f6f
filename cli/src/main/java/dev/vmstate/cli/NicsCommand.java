package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import picocli.CommandLine.Command;

/** The network cards. */
@Command(
    name = "nics",
    mixinStandardHelpOptions = true,
    description = "Lists the network cards, their MAC addresses and where the state holds them.",
    footer = {"", "Example:", "  vmstate nics vm.mig"})
final class NicsCommand extends PartCommand {
  @Override
  void json(Snapshot opened, ObjectNode node) throws IOException {
    node.set("nics", new Facts(opened).nics(true));
    new Facts(opened).noDevices(node);
  }

  @Override
  void text(Text text) throws IOException {
    text.nics();
  }
}
