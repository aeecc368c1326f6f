package dev.vmstate.cli;

import dev.vmstate.container.SnapshotName;
import dev.vmstate.qemu.QemuCommand;
import dev.vmstate.qemu.Verification;
import dev.vmstate.snapshot.StreamSnapshot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Proof that a snapshot loads. */
@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    description = {
      "Loads a snapshot in your QEMU, paused, saves it again and compares field by field and page",
      "by page. Exit status 0: QEMU holds exactly what the snapshot says."
    },
    footer = {
      "",
      "Example:",
      "  vmstate verify new.mig --against vm.mig -- qemu-system-x86_64 -m 256 -nic user,model=e1000"
    })
final class VerifyCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Option(
      names = "--against",
      paramLabel = "OLD",
      description = "The snapshot before the edit: each change is then followed up.")
  private @Nullable String against;

  @Parameters(
      index = "1..*",
      arity = "1..*",
      paramLabel = "-- QEMU ARGS",
      description = "The QEMU command line the snapshot belongs to.")
  private List<String> qemu;

  @Override
  public Integer call() throws Exception {
    try (StreamSnapshot fresh = snapshot.openStream();
        StreamSnapshot old =
            against == null ? null : SnapshotArgument.openStream(SnapshotName.parse(against))) {
      Verification result =
          Verification.of(
              fresh,
              Optional.ofNullable(old),
              new QemuCommand(qemu),
              scratch(fresh.path()),
              output.progress());
      VerifyReport.print(fresh.path(), result, output);
      return result.ok() ? 0 : 1;
    }
  }

  /**
   * Where QEMU's second stream lies meanwhile: beside the first, which has room for one like it.
   */
  static Path scratch(Path snapshot) {
    Path beside = snapshot.toAbsolutePath().resolveSibling("").normalize();
    return Files.isWritable(beside) ? beside : Path.of(System.getProperty("java.io.tmpdir"));
  }
}
