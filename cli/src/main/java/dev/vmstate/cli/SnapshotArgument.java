package dev.vmstate.cli;

import dev.vmstate.inject.InPlace;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Parameters;

/** The SNAPSHOT of a command. */
final class SnapshotArgument {
  @Parameters(paramLabel = "SNAPSHOT", description = "A snapshot file. It is opened read-only.")
  Path path;

  Snapshot open() throws IOException {
    return open(path);
  }

  /** An error that names what is not there, with the file it is not in. */
  IOException notThere(IOException e) {
    return new IOException(path + ": " + e.getMessage(), e);
  }

  static Snapshot open(Path path) throws IOException {
    InPlace.requireSettled(path);
    return Snapshot.open(path);
  }
}
