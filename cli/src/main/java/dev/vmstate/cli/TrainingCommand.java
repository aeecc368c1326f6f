package dev.vmstate.cli;

import dev.vmstate.control.MachineSession;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.inject.EditPlan;
import dev.vmstate.terminal.RawTerminal;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
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
      runGuest(directory);
      loadTheRest();
      return 0;
    } finally {
      try (Stream<Path> files = Files.walk(directory)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  /** Where there is a /dev/kvm to use; elsewhere nobody starts a guest either. */
  private static void runGuest(Path directory) throws IOException {
    RawTerminal.open().ifPresent(RawTerminal::close); // JNA
    if (!Files.isWritable(Path.of("/dev/kvm"))) {
      return;
    }
    byte[] halts = {
      (byte) 0xb0, 0x0a, (byte) 0xe6, (byte) 0xe9, (byte) 0xf4
    }; // out of a debug port
    Path guest = Files.write(directory.resolve("guest.bin"), halts);
    Path snapshot = directory.resolve("snapshot");
    attempt("run", guest, "--pause-at", "io:0xe9", "--snapshot", snapshot, "--registers");
    attempt("resume", snapshot, "--run", "--json");
    attempt("info", snapshot);
  }

  /**
   * The sample is no Linux guest, so what asks one was not used: its classes are loaded, which is
   * enough for an archive. From a class path of folders, as tests have it, there is none to make.
   */
  private static void loadTheRest() throws IOException, URISyntaxException {
    for (Class<?> one :
        List.of(Main.class, EditPlan.class, KernelObjects.class, MachineSession.class)) {
      Path jar = Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI());
      if (!Files.isRegularFile(jar)) {
        continue;
      }
      try (JarFile entries = new JarFile(jar.toFile())) {
        for (JarEntry entry : Collections.list(entries.entries())) {
          String name = entry.getName();
          if (name.startsWith("dev/vmstate/") && name.endsWith(".class")) {
            load(name.substring(0, name.length() - ".class".length()).replace('/', '.'));
          }
        }
      }
    }
  }

  private static void load(String name) {
    try {
      Class.forName(name, false, TrainingCommand.class.getClassLoader());
    } catch (ClassNotFoundException | LinkageError optional) {
      // Not in the archive then, and nothing worse.
    }
  }

  private static void run(Object... words) throws IOException {
    String[] arguments = arguments(words);
    if (attempt(words) != 0) {
      throw new IOException("training: vmstate %s failed".formatted(String.join(" ", arguments)));
    }
  }

  private static int attempt(Object... words) {
    PrintWriter nowhere = new PrintWriter(Writer.nullWriter());
    return Main.commandLine(nowhere, nowhere).execute(arguments(words));
  }

  private static String[] arguments(Object... words) {
    return Stream.of(words).map(Object::toString).toArray(String[]::new);
  }
}
