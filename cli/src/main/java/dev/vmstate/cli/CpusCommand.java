package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.snapshot.Snapshot;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** One part of {@code info}, in full. */
@Command(
    name = "cpus",
    mixinStandardHelpOptions = true,
    description = "Prints every CPU's registers.",
    footer = {"", "Example:", "  vmstate cpus vm.mig"})
final class CpusCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = snapshot.open()) {
      if (output.json) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.set("cpus", new Facts(opened).cpus(true));
        output.print(node);
      } else {
        new Text(opened, output.out()).cpus();
      }
    }
    return 0;
  }
}
