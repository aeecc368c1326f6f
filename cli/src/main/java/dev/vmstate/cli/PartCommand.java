package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.bytes.Progress;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;

/** A command that prints one part of {@code info}, in full. */
abstract class PartCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  abstract void json(Snapshot opened, ObjectNode node) throws IOException;

  abstract void text(Text text) throws IOException;

  /** Settings that count before anything is read. */
  void prepare(Snapshot opened, Progress progress) throws IOException {}

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = snapshot.open()) {
      prepare(opened, output.progress());
      if (output.json) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        json(opened, node);
        output.print(node);
      } else {
        text(new Text(opened, output.out()));
      }
    }
    return 0;
  }
}
