package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.process.DumpFilter;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.exchange.OutputFile;
import dev.vmstate.exchange.ProcessCores;
import dev.vmstate.exchange.ProcessCores.Planned;
import dev.vmstate.exchange.ProcessFiles;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.List;
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

/** Cores of processes of the guest. */
@Command(
    name = "core",
    mixinStandardHelpOptions = true,
    description = {
      "Writes ELF cores of the guest's processes, for gdb.",
      "They are as the guest's own kernel would have dumped them: all threads with their",
      "registers, and all memory that is in RAM, mapped or in the page cache.",
      "What was swapped out, or is in a file that RAM has nothing of, is a hole."
    },
    footer = {
      "",
      "Example:",
      "  vmstate core vm.mig --pid 812 -o app.core",
      "  gdb /path/to/app app.core",
      "  vmstate core vm.mig --all -o cores"
    })
final class CoreCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private LinuxArgument linux;
  @Mixin private Output output;

  @ArgGroup(multiplicity = "1")
  private Which which;

  /** One process, or every one. */
  private static final class Which {
    @Option(
        names = "--pid",
        paramLabel = "N",
        description = {
          "This process: the number it has outside of all containers, as 'vmstate ps' shows it."
        })
    private @Nullable Integer pid;

    @Option(names = "--all", description = "Every process; kernel threads have no core.")
    private boolean all;
  }

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      required = true,
      description = "The new core; with --all a directory for PID.NAME.core.")
  private Path target;

  /** What {@code --filter} says. */
  record Filter(boolean guest, long bits) implements ProcessCores.Choice {
    @Override
    public DumpFilter of(KernelObject mm) throws IOException {
      return guest ? DumpFilter.ofGuest(mm) : DumpFilter.of(bits);
    }
  }

  /** The words of {@link Filter}. */
  static final class Words implements ITypeConverter<Filter> {
    @Override
    public Filter convert(String text) {
      if (text.equalsIgnoreCase("guest")) {
        return new Filter(true, 0);
      }
      try {
        long bits = Long.decode(text);
        if (bits >= 0 && bits <= 0x1ff) {
          return new Filter(false, bits);
        }
      } catch (NumberFormatException e) {
        // It is no number: said below.
      }
      throw new TypeConversionException(
          "'%s' is none of guest, 0x0 to 0x1ff (bits of coredump_filter)".formatted(text));
    }
  }

  @Option(
      names = "--filter",
      paramLabel = "BITS",
      converter = Words.class,
      description = {
        "Only what the guest's kernel would dump with this coredump_filter, see core(5): 0x33;",
        "guest: with the one the process has. Default: everything that can be read."
      })
  private @Nullable Filter filter;

  @Option(
      names = "--with-binary",
      description = {
        "Also the program and its libraries, out of the guest's page cache, into FILE.d, as far",
        "as all of a file is there; and FILE.d/gdbinit: gdb -x app.core.d/gdbinit"
      })
  private boolean withBinary;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = linux.open()) {
      ProcessCores cores = new ProcessCores(opened, linux.objects(opened, output));
      return which.all ? all(cores) : one(cores);
    }
  }

  private ProcessCores.Choice choice() {
    Filter given = filter;
    return given == null ? mm -> DumpFilter.ALL : given;
  }

  private int one(ProcessCores cores) throws IOException {
    int pid = which.pid == null ? 0 : which.pid;
    if (pid <= 0) {
      throw new ParameterException(spec.commandLine(), "no process has the number " + pid);
    }
    Planned planned = cores.plan(cores.process(pid), choice());
    CoreReport report = write(planned, target);
    if (output.json) {
      output.print(report.json());
      return 0;
    }
    notes(planned);
    if (!output.quiet) {
      report.text(output.out());
    }
    return 0;
  }

  private CoreReport write(Planned planned, Path file) throws IOException {
    ProcessCores.write(planned, file);
    List<ProcessFiles.Result> files =
        withBinary
            ? ProcessFiles.write(planned, file, file.resolveSibling(file.getFileName() + ".d"))
            : List.of();
    return new CoreReport(file, planned, files);
  }

  private void notes(Planned planned) {
    for (String remark : planned.remarks()) {
      output
          .err()
          .printf("vmstate: process %s: %s%n", CoreReport.pid(planned), GuestText.line(remark));
    }
  }

  private int all(ProcessCores cores) throws IOException {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    ArrayNode written = node.putArray("cores");
    ArrayNode skipped = node.putArray("skipped");
    int[] counts = new int[2];
    OutputFile.Directory made = new OutputFile.Directory(target);
    try {
      for (int pid : cores.tasks().processes().keySet()) {
        try {
          Task task = cores.process(pid);
          if (task.isKernelThread()) {
            counts[0]++;
            continue;
          }
          next(cores, task, written);
        } catch (FileSystemException e) {
          throw e; // the disk is full: the next one would not fit either
        } catch (IOException e) {
          counts[1]++;
          String why = GuestText.line(String.valueOf(e.getMessage()));
          skipped.addObject().put("pid", pid).put("why", why);
          if (!output.json) {
            output.err().println("vmstate: " + why);
          }
        }
      }
    } finally {
      made.close();
    }
    if (output.json) {
      output.print(node.put("kernelThreads", counts[0]));
    } else if (!output.quiet) {
      String kernel = Sizes.count(counts[0], "thread") + " of the kernel";
      String processes =
          counts[1] == 0
              ? ""
              : " and of %d %s, as said above"
                  .formatted(counts[1], counts[1] == 1 ? "process" : "processes");
      output.err().printf("vmstate: no core of %s%s%n", kernel, processes);
    }
    return 0;
  }

  private void next(ProcessCores cores, Task task, ArrayNode written) throws IOException {
    Planned planned = cores.plan(task, choice());
    Path file = target.resolve(CoreReport.fileName(planned));
    CoreReport report = write(planned, file);
    if (output.json) {
      written.add(report.json());
      return;
    }
    notes(planned);
    if (!output.quiet) {
      report.line(output.out());
    }
  }
}
