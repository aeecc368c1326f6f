package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import picocli.CommandLine.Command;

/** The device sections. */
@Command(
    name = "devices",
    mixinStandardHelpOptions = true,
    description = {
      "Lists the device sections.",
      "OPAQUE is how many bytes neither the stream nor a built-in layout explains."
    },
    footer = {"", "Example:", "  vmstate devices vm.mig"})
final class DevicesCommand extends PartCommand {
  @Override
  void json(Snapshot opened, ObjectNode node) throws IOException {
    node.set("devices", new Facts(opened).devices());
    new Facts(opened).noDevices(node);
  }

  @Override
  void text(Text text) throws IOException {
    text.devices();
  }
}
