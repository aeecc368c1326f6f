package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.diff.BlockDiff;
import dev.vmstate.diff.DeviceDiff;
import dev.vmstate.diff.DiffPage;
import dev.vmstate.diff.FieldChange;
import dev.vmstate.diff.PageDiff;
import dev.vmstate.diff.RegisterChange;
import dev.vmstate.diff.SnapshotDiff;
import dev.vmstate.exchange.OutputFile;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What differs between two snapshots. */
@Command(
    name = "diff",
    mixinStandardHelpOptions = true,
    description = {
      "Compares two snapshots: registers, device fields, memory pages. The containers may differ.",
      "Exit status 0 whether they differ or not."
    },
    footer = {
      "",
      "Example:",
      "  vmstate diff before.mig after.mig",
      "  vmstate diff --html diff.html disk.qcow2#before disk.qcow2#after"
    })
final class DiffCommand implements Callable<Integer> {
  /** Ranges of pages listed for people. */
  private static final int MOST_RANGES = 20;

  @Mixin private Output output;
  @Mixin private SchemaOption schema;

  @Parameters(index = "0", paramLabel = "A", description = "The first snapshot.")
  private String first;

  @Parameters(index = "1", paramLabel = "B", description = "The second one.")
  private String second;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Write a page with a picture of memory and the devices side by side.")
  private @Nullable Path html;

  @Override
  public Integer call() throws Exception {
    try (EditableSnapshot a = open(first);
        EditableSnapshot b = open(second)) {
      SnapshotDiff diff = SnapshotDiff.between(a, b, output.progress());
      if (html != null) {
        page(diff, a, b, html);
      }
      List<RegisterChange> registers = RegisterChange.between(a.cpus(), b.cpus());
      if (output.json) {
        output.print(json(diff, registers));
      } else if (!output.quiet) {
        text(diff, registers);
      }
    }
    return 0;
  }

  private EditableSnapshot open(String name) throws IOException {
    return schema.describe(SnapshotArgument.openEditable(SnapshotName.parse(name)));
  }

  private static void page(SnapshotDiff diff, EditableSnapshot a, EditableSnapshot b, Path path)
      throws IOException {
    try (OutputFile file = new OutputFile(path);
        PrintWriter page =
            new PrintWriter(new OutputStreamWriter(file.stream(), StandardCharsets.UTF_8))) {
      DiffPage.write(diff, a, b, page);
      if (page.checkError()) {
        throw new IOException(path + ": cannot be written");
      }
      file.commit();
    }
  }

  private void text(SnapshotDiff diff, List<RegisterChange> registers) {
    PrintWriter out = output.out();
    if (!diff.machine().isEmpty()) {
      out.println("machine: " + diff.machine());
    }
    registers.forEach(out::println);
    diff.onlyInA().forEach(name -> out.println("only in the first: " + name));
    diff.onlyInB().forEach(name -> out.println("only in the second: " + name));
    for (DeviceDiff device : diff.devices()) {
      device.fields().forEach(out::println);
      device.structure().forEach(line -> out.println(device.device() + ": " + line));
    }
    diff.blocks().forEach(block -> out.println("RAM block " + block));
    for (PageDiff pages : diff.pages()) {
      pages.ranges().limit(MOST_RANGES).forEach(range -> out.println("memory " + range));
      out.printf(
          "memory: %s of %s differ%n", Sizes.count(pages.count(), "page"), pages.block().name());
    }
    if (diff.same()) {
      out.println("no difference");
    }
  }

  private static ObjectNode json(SnapshotDiff diff, List<RegisterChange> registers) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("same", diff.same()).put("machine", diff.machine());
    node.putArray("registers");
    for (RegisterChange change : registers) {
      ObjectNode at = node.withArray("registers").addObject();
      at.put("path", change.path())
          .put("before", Facts.hex(change.before()))
          .put("after", Facts.hex(change.after()));
      change.names().ifPresent(names -> at.put(names.attribute(), names.names()));
    }
    node.putArray("onlyInA");
    diff.onlyInA().forEach(node.withArray("onlyInA")::add);
    node.putArray("onlyInB");
    diff.onlyInB().forEach(node.withArray("onlyInB")::add);
    node.putArray("fields");
    for (FieldChange change : diff.fields()) {
      ObjectNode at = node.withArray("fields").addObject();
      at.put("path", change.path())
          .put("type", change.type())
          .put("before", change.before())
          .put("after", change.after())
          .put("more", change.more());
      change.names().ifPresent(names -> at.put(names.attribute(), names.names()));
    }
    node.putArray("structure");
    for (DeviceDiff device : diff.devices()) {
      device
          .structure()
          .forEach(line -> node.withArray("structure").add(device.device() + ": " + line));
    }
    node.putArray("blocks");
    for (BlockDiff block : diff.blocks()) {
      node.withArray("blocks").add(block.toString());
    }
    node.putArray("pages");
    for (PageDiff pages : diff.pages()) {
      ObjectNode block = node.withArray("pages").addObject();
      block.put("block", pages.block().name()).put("pages", pages.count());
      pages
          .ranges()
          .limit(1000)
          .forEach(
              range -> {
                ObjectNode at = block.withArray("ranges").addObject();
                at.put("offset", Facts.hex(range.offset())).put("bytes", range.bytes());
                range.physical().ifPresent(p -> at.put("physical", Facts.hex(p)));
              });
    }
    return node;
  }
}
