package dev.vmstate.cli;

import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code vmstate} command. Owns the standard streams and the exit status. */
@Command(
    name = "vmstate",
    mixinStandardHelpOptions = true,
    version = "vmstate 0.1.0-SNAPSHOT",
    description = "Virtual machine snapshots as core files and hardware descriptions, and back.")
public final class Main implements Runnable {
  @Spec private CommandSpec spec;

  private Main() {}

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "missing command");
  }

  public static void main(String[] args) {
    // Messages and numbers read the same on every machine: "%d" has other digits in other locales.
    Locale.setDefault(Locale.ROOT);
    System.exit(new CommandLine(new Main()).execute(args));
  }
}
