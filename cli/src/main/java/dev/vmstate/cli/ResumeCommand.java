package dev.vmstate.cli;

import dev.vmstate.container.SnapshotName;
import dev.vmstate.inject.InPlace;
import dev.vmstate.kvmdir.KvmDirectory;
import dev.vmstate.kvmdir.MachineConfig;
import dev.vmstate.machine.Machine;
import dev.vmstate.machine.MachineControl;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A machine of a snapshot directory. */
@Command(
    name = "resume",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Restores the machine of a snapshot directory, paused where it was saved.",
      "--run goes on; --api waits for orders. Without either it prints the registers KVM has",
      "taken and ends: the check that the snapshot loads.",
      "",
      "RAM is mapped from the snapshot, which is only read; what the guest writes is kept in",
      "memory. Signals, streams and exit status are those of 'vmstate run'."
    },
    footer = {
      "",
      "Example:",
      "  vmstate resume snap",
      "  vmstate resume snap --run --registers",
      "  vmstate resume snap --run --pause-at io:0x3f8 --snapshot next",
      "  vmstate resume snap --api vm.sock        then: vmstate ctl vm.sock resume"
    })
final class ResumeCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "DIR",
      description = "A snapshot directory, of 'run --snapshot' or 'convert --to vmstate-kvm'.")
  private Path directory;

  @Option(names = "--run", description = "Go on.")
  private boolean run;

  @Mixin private GuestFlags flags;
  @Mixin private Output output;

  @Override
  public Integer call() throws Exception {
    requireDirectory();
    InPlace.requireSettled(directory);
    int cpus;
    try (KvmDirectory opened = KvmDirectory.open(directory)) {
      MachineConfig config = opened.config();
      cpus = config.cpus();
      if (!output.quiet) {
        output
            .err()
            .printf(
                "vmstate: %s: %s, %s%s%n",
                directory,
                Sizes.count(cpus, "vCPU"),
                Sizes.text(config.memory()),
                config.irqchip() ? ", irqchip" : "");
      }
    }
    flags.check();
    boolean check = !run && flags.api == null;
    flags.registers |= check;
    try (GuestStreams streams = flags.streams(output);
        MachineControl machine = Machine.restore(directory, flags.options(streams, cpus, output));
        MappedSnapshot mapped = new MappedSnapshot(directory)) {
      mapped.hold();
      return new GuestRun(flags, output, streams, machine).run(run);
    }
  }

  private void requireDirectory() throws IOException {
    if (!Files.isRegularFile(directory)) {
      return; // opening it says what is missing
    }
    try (Snapshot other = SnapshotArgument.open(SnapshotName.parse(directory.toString()))) {
      throw new IOException(
          "%s: %s: only snapshot directories are resumed here: 'vmstate convert %s --to vmstate-kvm -o DIR' makes one"
              .formatted(directory, other.container(), directory));
    }
  }
}
