package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.hardware.HardwareState;
import dev.vmstate.hardware.ValuePath;
import dev.vmstate.snapshot.Snapshot;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Prints single values. */
@Command(
    name = "get",
    mixinStandardHelpOptions = true,
    description = "Prints device fields and registers, one PATH=VALUE a line.",
    footer = {
      "",
      "Example:",
      "  vmstate get vm.mig cpu[0]/rip 0000:00:03.0/e1000/mac_reg[0x1500] i8259[1]/irr"
    })
final class GetCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Parameters(index = "1..*", arity = "1..*", paramLabel = "PATH", description = "What to print.")
  private List<String> paths;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = snapshot.open()) {
      HardwareState state = opened.hardware();
      ObjectNode node = JsonNodeFactory.instance.objectNode();
      for (String path : paths) {
        String value = ValuePath.text(state, path);
        if (output.json) {
          node.put(path, value);
        } else {
          output.out().printf("%s=%s%n", path, value);
        }
      }
      if (output.json) {
        output.print(node);
      }
    }
    return 0;
  }
}
