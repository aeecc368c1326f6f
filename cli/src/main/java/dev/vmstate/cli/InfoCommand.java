package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.inject.InPlace;
import dev.vmstate.qcow2.Qcow2Image;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
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
    footer = {"", "Example:", "  vmstate info --pages vm.mig", "  vmstate info --kernel vm.mig"})
final class InfoCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Option(names = "--pages", description = "Count each block's pages; reads the whole stream.")
  private boolean pages;

  @Option(
      names = "--kernel",
      description =
          "Look for the guest's Linux kernel by the CPUs' page tables: release, KASLR offset,"
              + " VMCOREINFO; reads the whole stream.")
  private boolean kernel;

  @Override
  public Integer call() throws Exception {
    SnapshotName source = snapshot.source();
    if (source.inner().isEmpty() && Qcow2Image.is(source.file())) {
      InPlace.requireSettled(source.file());
      listing(source);
      return 0;
    }
    try (Snapshot opened = snapshot.open()) {
      @Nullable KernelText linux = kernel ? KernelText.of(opened, output.progress()) : null;
      opened.devices(); // a damaged file is found out before anything is printed
      @Nullable RamIndex index = pages ? opened.countedIndex(output.progress()) : null;
      if (output.json) {
        ObjectNode facts = new Facts(opened).info(index);
        if (linux != null) {
          linux.json(facts);
        }
        output.print(facts);
      } else {
        new Text(opened, output.out()).info(index);
        if (linux != null) {
          linux.text(output.out());
        }
      }
    }
    return 0;
  }

  /** A disk image holds snapshots by name; without one there is nothing more to look at. */
  private void listing(SnapshotName source) throws IOException {
    try (Qcow2Image image = Qcow2Image.open(source.file())) {
      ImageListing listing = new ImageListing(source, image);
      if (output.json) {
        output.print(listing.json());
      } else {
        listing.text(output.out());
      }
    }
  }
}
