package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.bytes.Progress;
import dev.vmstate.exchange.CheckedMap;
import dev.vmstate.memory.MemorySplit;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where RAM blocks stand in guest-physical memory, and why we think so. */
@Command(
    name = "memory-map",
    mixinStandardHelpOptions = true,
    description = "Prints where each RAM block stands in guest-physical memory, and why.",
    footer = {"", "Example:", "  vmstate memory-map vm.mig"})
final class MemoryMapCommand extends PartCommand {
  @Mixin private Below4g below4g;

  @Option(
      names = "--quick",
      description = {
        "Do not ask the guest's page tables and e820 whether the map is right:",
        "for that the whole snapshot is read once."
      })
  private boolean quick;

  @Override
  void prepare(Snapshot opened, Progress progress) throws IOException {
    below4g.apply(opened);
    if (!quick) {
      CheckedMap.decide(opened, progress);
    }
  }

  @Override
  void json(Snapshot opened, ObjectNode node) throws IOException {
    node.set("memoryMap", new Facts(opened).memoryMap());
    opened.memoryMap().reasons().forEach(node.putArray("reasons")::add);
    opened.memoryMap().split().ifPresent(split -> split(split, node.putObject("split")));
  }

  private static void split(MemorySplit split, ObjectNode node) {
    node.put("below4g", split.below4g()).put("above4g", split.above4g());
    node.put("above4gStart", Facts.hex(split.above4gStart())).put("from", split.from().key());
    for (MemorySplit.Evidence evidence : split.evidence()) {
      ObjectNode one =
          node.withArray("evidence").addObject().put("source", evidence.source().key());
      evidence.below4g().ifPresent(below -> one.put("below4g", below));
      one.put("agrees", split.agrees(evidence));
      if (!evidence.note().isEmpty()) {
        one.put("note", evidence.note());
      }
    }
  }

  @Override
  void text(Text text) throws IOException {
    text.memoryMap("");
    text.reasons();
  }
}
