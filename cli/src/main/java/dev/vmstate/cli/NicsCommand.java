package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.snapshot.Snapshot;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** One part of {@code info}, in full. */
@Command(
    name = "nics",
    mixinStandardHelpOptions = true,
    description = "Lists the network cards, their MAC addresses and where the state holds them.",
    footer = {"", "Example:", "  vmstate nics vm.mig"})
final class NicsCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = snapshot.open()) {
      if (output.json) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.set("nics", new Facts(opened).nics(true));
        output.print(node);
      } else {
        new Text(opened, output.out()).nics();
      }
    }
    return 0;
  }
}
