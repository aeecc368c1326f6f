package dev.vmstate.cli;

import dev.vmstate.qemu.LoadCheck;
import dev.vmstate.qemu.QemuProgram;
import dev.vmstate.snapshot.StreamSnapshot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Whether a QEMU will load a snapshot. */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    description = {
      "Says whether a QEMU will load a snapshot, why not, and which command changes that.",
      "Compares the snapshot with the machine QEMU makes of your command line, which is started",
      "paused and ended again. Without one only the board is compared, and what else there is with",
      "what QEMU says of its devices. Exit status 0: it will load."
    },
    footer = {
      "",
      "Example:",
      "  vmstate check vm.mig -- qemu-system-x86_64 -M pc -m 256 -nic user,model=e1000",
      "  vmstate check vm.mig --qemu /opt/qemu/bin/qemu-system-x86_64 -M pc-i440fx-7.2",
      "  vmstate check vm.mig --load -- qemu-system-x86_64 -M pc -m 256 -nic user,model=e1000"
    })
final class CheckCommand implements Callable<Integer> {
  private static final String DEFAULT = "qemu-system-x86_64";

  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Option(
      names = "--qemu",
      paramLabel = "BIN",
      description = "The QEMU program; otherwise the first of QEMU ARGS, or " + DEFAULT + ".")
  private @Nullable String program;

  @Option(
      names = {"-M", "--machine"},
      paramLabel = "MACHINE",
      description = "Its machine type; otherwise that of QEMU ARGS, or the snapshot's.")
  private @Nullable String machine;

  @Option(names = "--cpu", paramLabel = "MODEL", description = "Its CPU model.")
  private @Nullable String cpu;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = Sizes.Converter.class,
      description = "Its memory, e.g. 2G; otherwise that of QEMU ARGS, or the snapshot's.")
  private @Nullable Long memory;

  @Option(
      names = "--load",
      description = "Load the snapshot too, without running it, and say what QEMU said.")
  private boolean load;

  @Parameters(
      index = "1..*",
      arity = "0..*",
      paramLabel = "-- QEMU ARGS",
      description = "The command line that is to load it.")
  private List<String> qemu = List.of();

  @Override
  public Integer call() throws Exception {
    try (StreamSnapshot opened = snapshot.openStream()) {
      Path scratch = VerifyCommand.scratch(opened.path());
      opened.scratch(scratch);
      LoadCheck result = LoadCheck.of(opened, request(), scratch, output.progress());
      new CheckReport(opened.source().toString(), result, output).print();
      return result.loads() ? 0 : 1;
    }
  }

  /** With {@code --qemu} the words behind -- may begin with the program all the same. */
  private LoadCheck.Request request() {
    List<String> words = new ArrayList<>();
    List<String> arguments = new ArrayList<>();
    for (String word : qemu) {
      (arguments.isEmpty() && !word.startsWith("-") ? words : arguments).add(word);
    }
    if (program != null) {
      words = List.of(program);
    } else if (words.isEmpty()) {
      words = List.of(DEFAULT);
    }
    return new LoadCheck.Request(
        new QemuProgram(words),
        Optional.ofNullable(machine),
        Optional.ofNullable(cpu),
        memory == null ? OptionalLong.empty() : OptionalLong.of(memory),
        arguments,
        load);
  }
}
