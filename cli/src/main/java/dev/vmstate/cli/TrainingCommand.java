package dev.vmstate.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;

/**
 * Uses everything once on the embedded snapshot, so that the launcher's class-data archive holds
 * the classes that people's commands load. Prints nothing.
 */
@Command(name = "training-run", hidden = true)
final class TrainingCommand implements Callable<Integer> {
  @Override
  public Integer call() throws Exception {
    Path directory = Files.createTempDirectory("vmstate-training-");
    try {
      Path sample = directory.resolve("vm.mig");
      DemoCommand.unpack(sample);
      Path out = directory.resolve("vm");
      Path fresh = directory.resolve("new.mig");
      run("--help");
      run("info", "--pages", sample);
      run("info", "--json", sample);
      run("nics", sample);
      run("cpus", sample);
      run("devices", sample);
      run("get", sample, "cpu[0]/rip", "i8259[1]/irr");
      run("extract", sample, "-o", out);
      run("set-mac", sample, "e1000", "52:54:00:12:34:57", "-o", fresh);
      run("inject", out, "-o", fresh);
      run("inject", out, "--in-place", "--json");
      return 0;
    } finally {
      try (Stream<Path> files = Files.walk(directory)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  private static void run(Object... words) throws IOException {
    String[] arguments = Stream.of(words).map(Object::toString).toArray(String[]::new);
    PrintWriter nowhere = new PrintWriter(Writer.nullWriter());
    int status = Main.commandLine(nowhere, nowhere).execute(arguments);
    if (status != 0) {
      throw new IOException("training: vmstate %s failed".formatted(String.join(" ", arguments)));
    }
  }
}
