package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.symbols.GuestSymbols;
import dev.vmstate.core.symbols.KernelElf;
import dev.vmstate.exchange.SymbolOutput;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What the guest's kernel says of itself, as a file for a debugger. */
@Command(
    name = "symbols",
    mixinStandardHelpOptions = true,
    description = "Writes symbols and types of the guest's Linux kernel, out of its memory.",
    footer = {
      "",
      "Example:",
      "  vmstate extract vm.mig -o vm",
      "  vmstate symbols vm.mig -o vm/kernel.elf",
      "  gdb vm/kernel.elf vm/core.elf"
    })
final class SymbolsCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      required = true,
      description = "The new file.")
  private Path file;

  @Mixin private Below4g below4g;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = snapshot.open()) {
      below4g.apply(opened);
      GuestSymbols symbols = SymbolOutput.find(opened, output.progress());
      report(symbols, SymbolOutput.elf(symbols, file));
    }
    return 0;
  }

  private void report(GuestSymbols symbols, KernelElf.Counts counts) throws IOException {
    if (output.json) {
      ObjectNode node = JsonNodeFactory.instance.objectNode();
      node.put("file", file.toString()).put("bytes", Files.size(file));
      node.put("release", symbols.kernel().release()).put("banner", symbols.kernel().banner());
      node.put("symbols", counts.symbols()).put("types", counts.types());
      node.put("functions", counts.functions()).put("variables", counts.variables());
      node.put("frames", counts.frames());
      ArrayNode notes = node.putArray("notes");
      symbols.notes().forEach(notes::add);
      counts.notes().forEach(notes::add);
      output.print(node);
      return;
    }
    counts.notes().forEach(note -> output.err().println("vmstate: " + note));
    symbols.notes().forEach(note -> output.err().println("vmstate: " + note));
    if (!output.quiet) {
      output
          .out()
          .printf(
              "%s  %s: Linux %s: %d symbols, %d types, %d functions and %d variables with types%n",
              file,
              Sizes.text(Files.size(file)),
              symbols.kernel().release(),
              counts.symbols(),
              counts.types(),
              counts.functions(),
              counts.variables());
    }
  }
}
