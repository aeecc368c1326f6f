package dev.vmstate.cli;

import dev.vmstate.container.SnapshotName;
import dev.vmstate.inject.InPlace;
import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.snapshot.Snapshot;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** The SNAPSHOT of a command. */
final class SnapshotArgument {
  @Parameters(
      paramLabel = "SNAPSHOT",
      description = {
        "A snapshot file, FILE#NAME for one inside it, or - for standard input.",
        "It is opened read-only."
      })
  private String name;

  @Mixin private SchemaOption schema;

  Snapshot open() throws IOException {
    return schema.describe(open(source()));
  }

  /** For commands that change fields and memory. */
  EditableSnapshot openEditable() throws IOException {
    return schema.describe(openEditable(source()));
  }

  /** For commands about what only a migration stream has: records, and QEMU to load them. */
  StreamSnapshot openStream() throws IOException {
    return schema.describe(openStream(source()));
  }

  SnapshotName source() {
    return SnapshotName.parse(name);
  }

  /** An error that names what is not there, with the file it is not in. */
  IOException notThere(IOException e) {
    return new IOException(source() + ": " + e.getMessage(), e);
  }

  static Snapshot open(SnapshotName source) throws IOException {
    if (!source.isStandardInput()) {
      InPlace.requireSettled(source.file());
    }
    return Snapshot.open(source);
  }

  static EditableSnapshot openEditable(SnapshotName source) throws IOException {
    Snapshot opened = open(source);
    if (opened instanceof EditableSnapshot editable) {
      return editable;
    }
    opened.close();
    throw new IOException(
        ("%s: %s: no QEMU resumes it, and an edit has no place in it; 'vmstate info', 'get' and"
                + " 'extract' read it, and 'vmstate inject SNAPSHOT --core' takes an ELF core into"
                + " the snapshot it is of")
            .formatted(source, opened.noDevices().orElse(opened.container())));
  }

  static StreamSnapshot openStream(SnapshotName source) throws IOException {
    EditableSnapshot opened = openEditable(source);
    if (opened instanceof StreamSnapshot stream) {
      return stream;
    }
    opened.close();
    throw new IOException(
        "%s: is a %s snapshot, and this is about QEMU's migration stream, which it has not: 'vmstate convert --to qemu-stream' makes one of it"
            .formatted(source, opened.container()));
  }
}
