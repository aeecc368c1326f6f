package dev.vmstate.cli;

import dev.vmstate.container.SnapshotName;
import dev.vmstate.inject.StructureEdits;
import dev.vmstate.snapshot.StreamSnapshot;
import dev.vmstate.structure.Subsections;
import java.io.IOException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Puts a subsection into a device's state. */
@Command(
    name = "add-subsection",
    mixinStandardHelpOptions = true,
    description = {
      "Puts an optional part into a device's state: as another snapshot has it, or from bytes.",
      "Taken from the snapshot it was dropped from, it gives that snapshot back."
    },
    footer = {
      "",
      "Example:",
      "  vmstate add-subsection vm.mig cpu/cpu/poll_control_msr --from other.mig -o new.mig",
      "  vmstate add-subsection vm.mig cpu/cpu/xss --hex 0000000000000000 -o new.mig"
    })
final class AddSubsectionCommand extends StructureCommand {
  @Parameters(
      index = "1",
      paramLabel = "DEVICE/SUBSECTION",
      description = "The device, or the group in it, and the subsection's name.")
  private String path;

  @SuppressWarnings("NullAway.Init") // picocli sets it
  @ArgGroup(multiplicity = "1")
  private Origin origin;

  /** Where its bytes come from. */
  static final class Origin {
    @Option(
        names = "--from",
        paramLabel = "OTHER",
        description = "A snapshot that has it, at the same path.")
    private @Nullable String from;

    @Option(
        names = "--hex",
        paramLabel = "BYTES",
        description = "Its fields' bytes; the mark, name and version in front are added.")
    private @Nullable String hex;
  }

  @Option(
      names = "--subsection-version",
      paramLabel = "N",
      defaultValue = "1",
      description = "With --hex: its version_id (default: ${DEFAULT-VALUE}).")
  private int version;

  @Override
  void edit(StructureEdits edits, Output printing) throws IOException {
    String from = origin.from;
    if (from == null) {
      Subsections.add(edits, path, bytes(origin.hex), version, "add-subsection");
      return;
    }
    try (StreamSnapshot other = SnapshotArgument.openStream(SnapshotName.parse(from))) {
      if (other.stream().forward()) {
        other.randomAccess(printing.progress());
      }
      Subsections.add(edits, path, other, "add-subsection");
    }
  }

  private static byte[] bytes(@Nullable String hex) {
    String digits = hex == null ? "" : hex.replaceAll("[:\\s]", "");
    try {
      return HexFormat.of().parseHex(digits);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("--hex '%s': no whole bytes of hex".formatted(hex), e);
    }
  }
}
