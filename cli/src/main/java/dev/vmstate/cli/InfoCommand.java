package dev.vmstate.cli;

import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.Snapshot;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What a snapshot is. */
@Command(
    name = "info",
    mixinStandardHelpOptions = true,
    description =
        "Says what a snapshot is: container, machine, RAM, memory map, CPUs, NICs, devices.",
    footer = {"", "Example:", "  vmstate info --pages vm.mig"})
final class InfoCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Option(names = "--pages", description = "Count each block's pages; reads the whole stream.")
  private boolean pages;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = snapshot.open()) {
      opened.devices(); // a damaged file is found out before anything is printed
      @Nullable RamIndex index = pages ? opened.index(output.progress()) : null;
      if (output.json) {
        output.print(new Facts(opened).info(index));
      } else {
        new Text(opened, output.out()).info(index);
      }
    }
    return 0;
  }
}
