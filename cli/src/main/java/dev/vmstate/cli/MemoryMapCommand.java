package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.snapshot.Snapshot;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where RAM blocks stand in guest-physical memory, and why we think so. */
@Command(
    name = "memory-map",
    mixinStandardHelpOptions = true,
    description = "Prints where each RAM block stands in guest-physical memory, and why.",
    footer = {"", "Example:", "  vmstate memory-map vm.mig"})
final class MemoryMapCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Option(
      names = "--below-4g",
      paramLabel = "SIZE",
      converter = Sizes.Converter.class,
      description = "How much of main memory lies below 4 GiB, if the snapshot tells it wrongly.")
  private @Nullable Long below4g;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = snapshot.open()) {
      if (below4g != null) {
        opened.below4g(below4g);
      }
      if (output.json) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.set("memoryMap", new Facts(opened).memoryMap());
        opened.memoryMap().reasons().forEach(node.putArray("reasons")::add);
        output.print(node);
      } else {
        Text text = new Text(opened, output.out());
        text.memoryMap("");
        text.reasons();
      }
    }
    return 0;
  }
}
