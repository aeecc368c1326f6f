package dev.vmstate.cli;

import dev.vmstate.container.SnapshotName;
import dev.vmstate.schema.SectionSchema;
import dev.vmstate.snapshot.SchemaFile;
import dev.vmstate.snapshot.Snapshot;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Where the description of devices comes from when the stream has none. */
final class SchemaOption {
  @Option(
      names = "--schema-from",
      paramLabel = "OTHER",
      description = {
        "If the stream does not describe its devices (suppress-vmdesc): take the description of",
        "another snapshot of the same machine, or a file QEMU's -dump-vmstate wrote. May be given",
        "more than once."
      })
  private List<String> others = List.of();

  /** Gives the snapshot the schemas; closes it when one of them cannot be read. */
  <T extends Snapshot> T describe(T opened) throws IOException {
    try {
      if (!others.isEmpty() && opened instanceof StreamSnapshot stream) {
        List<SectionSchema> read = new ArrayList<>();
        for (String other : others) {
          read.add(SchemaFile.open(SnapshotName.parse(other)));
        }
        stream.schema(SectionSchema.firstOf(read));
      }
      return opened;
    } catch (IOException | RuntimeException e) {
      opened.close();
      throw e;
    }
  }
}
