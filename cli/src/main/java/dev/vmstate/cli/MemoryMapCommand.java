package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Where RAM blocks stand in guest-physical memory, and why we think so. */
@Command(
    name = "memory-map",
    mixinStandardHelpOptions = true,
    description = "Prints where each RAM block stands in guest-physical memory, and why.",
    footer = {"", "Example:", "  vmstate memory-map vm.mig"})
final class MemoryMapCommand extends PartCommand {
  @Mixin private Below4g below4g;

  @Override
  void prepare(Snapshot opened) {
    below4g.apply(opened);
  }

  @Override
  void json(Snapshot opened, ObjectNode node) throws IOException {
    node.set("memoryMap", new Facts(opened).memoryMap());
    opened.memoryMap().reasons().forEach(node.putArray("reasons")::add);
  }

  @Override
  void text(Text text) throws IOException {
    text.memoryMap("");
    text.reasons();
  }
}
