package dev.vmstate.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.file.Path;
import java.util.stream.Stream;
import picocli.CommandLine;

/** Runs a command in this JVM and keeps what it prints. */
record Cli(int status, String out, String err) {

  /** The command line, writing nowhere. */
  static CommandLine line() {
    PrintWriter nowhere = new PrintWriter(Writer.nullWriter());
    return Main.commandLine(nowhere, nowhere);
  }

  static Cli run(Object... words) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] arguments = Stream.of(words).map(Object::toString).toArray(String[]::new);
    int status =
        Main.commandLine(new PrintWriter(out), new PrintWriter(err, true)).execute(arguments);
    return new Cli(status, out.toString(), err.toString());
  }

  /** Runs a command that must succeed and say nothing on standard error. */
  static String ok(Object... words) {
    Cli cli = run(words);
    if (cli.status != 0 || !cli.err.isEmpty()) {
      throw new AssertionError("status %d: %s".formatted(cli.status, cli.err));
    }
    return cli.out;
  }

  /** The embedded snapshot: a QEMU 7.2 stream, see demo/README.md among the resources. */
  static Path sample(Path directory) throws IOException {
    Path sample = directory.resolve("vm.mig");
    DemoCommand.unpack(sample);
    return sample;
  }
}
