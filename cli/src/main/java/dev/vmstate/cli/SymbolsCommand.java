package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.symbols.GuestSymbols;
import dev.vmstate.core.symbols.KernelElf;
import dev.vmstate.exchange.SymbolOutput;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

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

  /** What can be written. */
  enum Format {
    ELF("elf"),
    SYSTEM_MAP("system-map"),
    ISF("isf");

    private final String label;

    Format(String label) {
      this.label = label;
    }

    @Override
    public String toString() {
      return label;
    }
  }

  /** The words of {@link Format}. */
  static final class Words implements ITypeConverter<Format> {
    @Override
    public Format convert(String text) {
      for (Format format : Format.values()) {
        if (format.label.equalsIgnoreCase(text)) {
          return format;
        }
      }
      throw new TypeConversionException("'%s' is none of elf, system-map, isf".formatted(text));
    }
  }

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      defaultValue = "elf",
      converter = Words.class,
      description = {
        "elf (default): symbols, types and frames for gdb and crash;",
        "system-map: symbols as text, as in /proc/kallsyms;",
        "isf: symbols and types for volatility3. A FILE.xz of the last two is compressed."
      })
  private Format format;

  @Mixin private Below4g below4g;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = snapshot.open()) {
      below4g.apply(opened);
      GuestSymbols symbols = SymbolOutput.find(opened, output.progress());
      write(symbols);
    }
    return 0;
  }

  private void write(GuestSymbols symbols) throws IOException {
    switch (format) {
      case ELF -> report(symbols, Optional.of(SymbolOutput.elf(symbols, file)));
      case SYSTEM_MAP -> {
        SymbolOutput.systemMap(symbols, file);
        report(symbols, Optional.empty());
      }
      case ISF -> {
        SymbolOutput.isf(symbols, file);
        report(symbols, Optional.empty());
      }
    }
  }

  private void report(GuestSymbols symbols, Optional<KernelElf.Counts> counts) throws IOException {
    List<String> notes = new ArrayList<>(symbols.notes());
    counts.ifPresent(of -> notes.addAll(of.notes()));
    if (output.json) {
      ObjectNode node = JsonNodeFactory.instance.objectNode();
      node.put("file", file.toString()).put("format", format.toString());
      node.put("bytes", Files.size(file));
      node.put("release", symbols.kernel().release()).put("banner", symbols.kernel().banner());
      node.put("symbols", symbols.symbols().size());
      counts.ifPresent(
          of ->
              node.put("types", of.types())
                  .put("functions", of.functions())
                  .put("variables", of.variables())
                  .put("frames", of.frames()));
      notes.forEach(node.putArray("notes")::add);
      output.print(node);
      return;
    }
    notes.forEach(note -> output.err().println("vmstate: " + note));
    if (!output.quiet) {
      output
          .out()
          .printf("%s  %s: %s%n", file, Sizes.text(Files.size(file)), text(symbols, counts));
    }
  }

  private static String text(GuestSymbols symbols, Optional<KernelElf.Counts> counts) {
    String text =
        "Linux %s, %d symbols".formatted(symbols.kernel().release(), symbols.symbols().size());
    return counts
        .map(
            of ->
                text
                    + ", %d types, %d functions and %d variables with types"
                        .formatted(of.types(), of.functions(), of.variables()))
        .orElse(text);
  }
}
