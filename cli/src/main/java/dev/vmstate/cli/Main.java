package dev.vmstate.cli;

import dev.vmstate.memory.UnmappedAddressException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Locale;
import picocli.AutoComplete.GenerateCompletion;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The {@code vmstate} command. Owns the standard streams and the exit status. */
@Command(
    name = "vmstate",
    mixinStandardHelpOptions = true,
    version = "vmstate " + Main.VERSION,
    description = "Virtual machine snapshots as core files and hardware descriptions, and back.",
    synopsisSubcommandLabel = "COMMAND",
    commandListHeading = "%nCommands, in the order the data flows:%n",
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {"0:done", "1:failed", "2:wrong usage"},
    footer = {
      "",
      "Example:",
      "  vmstate extract vm.mig -o vm      core.elf for gdb and crash, hardware.xml for an editor",
      "  vmstate inject vm -o new.mig      what was edited, back into a snapshot QEMU loads"
    },
    subcommands = {
      InfoCommand.class,
      DevicesCommand.class,
      NicsCommand.class,
      CpusCommand.class,
      MemoryMapCommand.class,
      DmesgCommand.class,
      ModulesCommand.class,
      PsCommand.class,
      MountsCommand.class,
      FilesCommand.class,
      NetCommand.class,
      ExtractCommand.class,
      SymbolsCommand.class,
      CoreCommand.class,
      LayoutsCommand.class,
      GetCommand.class,
      SetCommand.class,
      SetMacCommand.class,
      DropSectionCommand.class,
      RenameSectionCommand.class,
      DropBlockCommand.class,
      RenameBlockCommand.class,
      DropSubsectionCommand.class,
      AddSubsectionCommand.class,
      InjectCommand.class,
      UndoCommand.class,
      DiffCommand.class,
      ConvertCommand.class,
      CheckCommand.class,
      VerifyCommand.class,
      RunCommand.class,
      ResumeCommand.class,
      CtlCommand.class,
      DemoCommand.class,
      TrainingCommand.class,
      GenerateCompletion.class
    })
public final class Main implements Runnable {
  /** The version of the modules. */
  static final String VERSION = "0.1.0-SNAPSHOT";

  @Spec private CommandSpec spec;

  @Option(
      names = "--debug",
      scope = ScopeType.INHERIT,
      description = "Print stack traces with errors.")
  private boolean debug;

  private Main() {}

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "which command? 'vmstate --help' lists them");
  }

  public static void main(String[] args) {
    // Messages and numbers read the same on every machine: "%d" has other digits in other locales.
    Locale.setDefault(Locale.ROOT);
    PrintWriter out = new ByteWriter(System.out, new FileOutputStream(FileDescriptor.out), false);
    PrintWriter err = new ByteWriter(System.err, new FileOutputStream(FileDescriptor.err), true);
    int status;
    try {
      status = commandLine(out, err).execute(args);
    } catch (OutOfMemoryError e) {
      err.println(
          "vmstate: out of memory: there is more than fits into %d MiB; VMSTATE_JAVA_OPTS=-Xmx2g gives it more"
              .formatted(Runtime.getRuntime().maxMemory() >> 20));
      status = CommandLine.ExitCode.SOFTWARE;
    }
    out.flush();
    System.exit(status);
  }

  /** The command line over any two writers; tests use their own. */
  static CommandLine commandLine(PrintWriter out, PrintWriter err) {
    Main main = new Main();
    CommandLine line = new CommandLine(main);
    line.setOut(out).setErr(err);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpWidth(90);
    line.getSubcommands().values().stream()
        .filter(command -> command.getCommandName().equals("generate-completion"))
        .forEach(command -> command.getCommandSpec().usageMessage().hidden(true));
    line.setExecutionExceptionHandler((e, at, parsed) -> main.failed(located(e, parsed), err));
    line.setParameterExceptionHandler(
        (e, arguments) -> {
          err.println("vmstate: " + e.getMessage());
          String name = e.getCommandLine().getCommandSpec().qualifiedName();
          err.println("Try '%s --help'.".formatted(name));
          return CommandLine.ExitCode.USAGE;
        });
    return line;
  }

  /**
   * What is wrong in a guest's memory says where in that; here it gets the name of the snapshot.
   */
  private static Exception located(Exception e, ParseResult parsed) {
    if (e instanceof UnmappedAddressException
        && parsed.hasSubcommand()
        && parsed.subcommand().hasMatchedPositional(0)) {
      String file = parsed.subcommand().matchedPositional(0).originalStringValues().get(0);
      return new IOException(
          "%s: %s, and without what should be there nothing can be told"
              .formatted(file, e.getMessage()),
          e);
    }
    return e;
  }

  private int failed(Exception e, PrintWriter err) {
    if (debug) {
      e.printStackTrace(err);
    }
    err.println("vmstate: " + message(e));
    return CommandLine.ExitCode.SOFTWARE;
  }

  /** One line, whatever went wrong. */
  private static String message(Exception e) {
    if (e instanceof UncheckedIOException && e.getCause() instanceof IOException cause) {
      return message(cause);
    }
    String text = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    if (e instanceof AccessDeniedException denied) {
      text = denied.getFile() + ": permission denied";
    } else if (e instanceof NoSuchFileException missing && missing.getReason() == null) {
      text = missing.getFile() + ": there is no such file";
    } else if (e instanceof FileSystemException file && file.getReason() == null) {
      text = "%s: %s".formatted(file.getFile(), e.getClass().getSimpleName());
    } else if (!(e instanceof IOException) && !(e instanceof IllegalArgumentException)) {
      text =
          "internal error: %s: %s (--debug shows where)"
              .formatted(e.getClass().getSimpleName(), text);
    }
    return text.replaceAll("\\s*\\R\\s*", " ");
  }
}
