package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.snapshot.Snapshot;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** One part of {@code info}, in full. */
@Command(
    name = "devices",
    mixinStandardHelpOptions = true,
    description = "Lists the device sections.",
    footer = {"", "Example:", "  vmstate devices vm.mig"})
final class DevicesCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = snapshot.open()) {
      if (output.json) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.set("devices", new Facts(opened).devices());
        output.print(node);
      } else {
        new Text(opened, output.out()).devices();
      }
    }
    return 0;
  }
}
