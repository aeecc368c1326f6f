package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.inject.InPlace;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Takes back the last change in place. */
@Command(
    name = "undo",
    mixinStandardHelpOptions = true,
    description = "Takes back the last change in place, finished or interrupted.",
    footer = {"", "Example:", "  vmstate undo vm.mig"})
final class UndoCommand implements Callable<Integer> {
  @Mixin private Output output;

  @Parameters(
      paramLabel = "SNAPSHOT",
      description = "The snapshot that was changed in place, or the file it is in.")
  private String name;

  @Override
  public Integer call() throws Exception {
    Path snapshot = SnapshotName.parse(name).file();
    long bytes = InPlace.undo(snapshot);
    if (output.json) {
      output.print(JsonNodeFactory.instance.objectNode().put("bytesRestored", bytes));
    } else if (!output.quiet) {
      output.out().printf("%s: as it was before (%d bytes put back)%n", snapshot, bytes);
    }
    return 0;
  }
}
