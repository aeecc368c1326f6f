package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.kdump.DumpLevel;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.vmcoreinfo.GuestVmcoreinfo;
import dev.vmstate.exchange.CoreFormat;
import dev.vmstate.exchange.DebugSymbols;
import dev.vmstate.exchange.Extraction;
import dev.vmstate.exchange.Written;
import dev.vmstate.snapshot.Snapshot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Snapshot to a core and hardware.xml. */
@Command(
    name = "extract",
    mixinStandardHelpOptions = true,
    description = {
      "Writes DIR/core.elf, DIR/hardware.xml and DIR/manifest.json.",
      "A kdump is called DIR/core.kdump, raw memory DIR/core.raw.",
      "Beside core.elf: DIR/kernel.elf, symbols and types out of the guest's memory,",
      "and DIR/gdbinit, which loads both."
    },
    footer = {
      "",
      "Example:",
      "  vmstate extract vm.mig -o vm",
      "  gdb -x vm/gdbinit -ex 'thread apply all bt'",
      "  gdb --write -core vm/core.elf"
    })
final class ExtractCommand implements Callable<Integer> {
  /** The words of {@link CoreFormat}. */
  static final class Format implements ITypeConverter<CoreFormat> {
    @Override
    public CoreFormat convert(String text) {
      for (CoreFormat format : CoreFormat.values()) {
        if (format.toString().equalsIgnoreCase(text)) {
          return format;
        }
      }
      List<String> words = Arrays.stream(CoreFormat.values()).map(CoreFormat::toString).toList();
      throw new TypeConversionException(
          "'%s' is none of %s".formatted(text, String.join(", ", words)));
    }
  }

  /** See {@link DumpLevel#parse}. */
  static final class Level implements ITypeConverter<DumpLevel> {
    @Override
    public DumpLevel convert(String text) {
      try {
        return DumpLevel.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }

  @Spec private CommandSpec spec;
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR",
      required = true,
      description = "The directory; made when missing.")
  private Path directory;

  @Option(
      names = "--core",
      paramLabel = "FORMAT",
      defaultValue = "elf",
      converter = Format.class,
      description = {
        "elf (default), for gdb, crash and inject;",
        "kdump-zlib or kdump-zstd, for crash and makedumpfile;",
        "raw: a flat file of physical memory; or none."
      })
  private CoreFormat core;

  @Option(
      names = "--dump-level",
      paramLabel = "LEVEL",
      converter = Level.class,
      description = {
        "Pages that a kdump does without, as makedumpfile -d:",
        "1 zero, 2 cache, 4 cache-private, 8 user, 16 free;",
        "their sum (31: all of them) or words (zero,cache,free).",
        "From 2 on the guest's Linux kernel is asked."
      })
  private DumpLevel level = DumpLevel.NONE;

  @Option(names = "--no-hardware", description = "No hardware.xml.")
  private boolean noHardware;

  @Mixin private Below4g below4g;

  @Option(
      names = "--physical",
      description = "p_vaddr = p_paddr: guest-physical addresses instead of the kernel's.")
  private boolean physical;

  @ArgGroup(exclusive = true)
  private SymbolChoice symbols = new SymbolChoice();

  /** Where gdb's symbols come from. */
  static final class SymbolChoice {
    @Option(names = "--no-symbols", description = "No kernel.elf: it takes a few seconds.")
    private boolean none;

    @Option(
        names = "--vmlinux",
        paramLabel = "FILE",
        description = {
          "The guest kernel's vmlinux with debug information, for gdbinit:",
          "it is loaded moved to where the kernel was put, instead of kernel.elf."
        })
    private @Nullable Path vmlinux;

    DebugSymbols wanted() {
      if (none) {
        return DebugSymbols.NONE;
      }
      return vmlinux == null ? DebugSymbols.FROM_MEMORY : DebugSymbols.of(vmlinux);
    }
  }

  @Option(
      names = "--force",
      description = "Write over a core or a hardware.xml that was edited since it was extracted.")
  private boolean force;

  @Override
  public Integer call() throws Exception {
    if (!core.isKdump() && !level.equals(DumpLevel.NONE)) {
      throw new ParameterException(
          spec.commandLine(),
          "--dump-level leaves pages out of a kdump: --core kdump-zlib or kdump-zstd, not %s"
              .formatted(core));
    }
    if (!force) {
      Written.refuseEdited(directory);
    }
    try (Snapshot opened = snapshot.open()) {
      below4g.apply(opened);
      Extraction.Result result =
          Extraction.run(
              opened,
              directory,
              new Extraction.Options(
                  core, !noHardware, physical, below4g.bytes, level, symbols.wanted()),
              output.progress());
      report(result, core == CoreFormat.NONE ? List.of() : Facts.missingMemory(opened));
    }
    return 0;
  }

  private void report(Extraction.Result result, List<String> missing) throws Exception {
    if (output.json) {
      ObjectNode node = JsonNodeFactory.instance.objectNode();
      result.files().forEach(file -> node.withArray("files").add(file.toString()));
      if (core == CoreFormat.ELF) {
        node.put("loads", result.loads()).put("loadsLeftOut", result.leftOut());
      }
      if (result.kdump().isPresent()) {
        node.put("bytes", Files.size(result.files().get(0)));
        DumpReport.json(result.kdump().get(), node);
      }
      if (!missing.isEmpty()) {
        missing.forEach(node.putArray("missingMemory")::add);
      }
      if (!result.notes().isEmpty()) {
        result.notes().forEach(node.putArray("notes")::add);
      }
      output.print(node);
      return;
    }
    if (output.quiet) {
      return;
    }
    for (Path file : result.files()) {
      output.out().printf("%s  %s%n", file, Sizes.text(Files.size(file)));
    }
    result.kernel().kernel().ifPresent(linux -> kernel(linux, result.kernel().vmcoreinfo()));
    if (!level.equals(DumpLevel.NONE) && result.kdump().isPresent()) {
      DumpReport.print(result.kdump().get(), output.out());
    }
    missing.forEach(note -> output.err().println("vmstate: " + note));
    result.notes().forEach(note -> output.err().println("vmstate: " + note));
    if (result.leftOut() > 0) {
      output
          .err()
          .printf(
              "vmstate: %d short runs of virtual memory found no room in the core; their memory is"
                  + " in it by physical address%n",
              result.leftOut());
    }
  }

  private void kernel(LinuxKernel linux, Optional<GuestVmcoreinfo> info) {
    output
        .out()
        .printf(
            "Linux %s, moved by 0x%x; VMCOREINFO note %s%n",
            linux.release(),
            linux.kernelOffset(),
            info.map(i -> i.made() ? "made of its symbols" : "its own").orElse("none"));
  }
}
