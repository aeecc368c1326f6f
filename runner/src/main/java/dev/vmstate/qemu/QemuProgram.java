package dev.vmstate.qemu;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.schema.DeviceClasses;
import dev.vmstate.schema.DeviceClassesJson;
import java.io.BufferedInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A QEMU program, asked what it is able to do without any machine.
 *
 * @param words the program, and what has to stand before it
 */
public record QemuProgram(List<String> words) {
  private static final Duration DUMP = Duration.ofSeconds(60);

  public QemuProgram {
    words = List.copyOf(words);
  }

  /**
   * A machine type.
   *
   * @param name e.g. {@code pc-i440fx-7.2}
   * @param alias e.g. {@code pc}, or empty
   */
  public record Machine(String name, String alias) {
    /** What it is a version of: {@code pc-i440fx}. */
    public static String family(String name) {
      return name.replaceFirst("-[0-9]+(\\.[0-9]+)*$", "");
    }
  }

  /** Machine types it knows, as query-machines lists them. */
  public List<Machine> machines() throws IOException {
    List<String> bare = new ArrayList<>(words);
    bare.addAll(List.of("-M", "none", "-nodefaults"));
    try (QemuProcess qemu = QemuProcess.startFresh(new QemuCommand(bare))) {
      List<Machine> machines = new ArrayList<>();
      for (JsonNode machine : qemu.qmp().execute("query-machines")) {
        machines.add(new Machine(machine.path("name").asText(), machine.path("alias").asText("")));
      }
      return machines;
    }
  }

  /** The machine type a word stands for: its own name, or an alias. */
  public static Optional<Machine> named(String word, List<Machine> machines) {
    return machines.stream()
        .filter(machine -> machine.name().equals(word) || machine.alias().equals(word))
        .findFirst();
  }

  /** The version that this QEMU prefers of the family a machine type is of. */
  public static Optional<Machine> relative(String word, List<Machine> machines) {
    String family = Machine.family(word);
    return machines.stream()
        .filter(machine -> Machine.family(machine.name()).equals(family))
        .filter(machine -> !machine.alias().isEmpty())
        .findFirst();
  }

  /** Its device classes, by {@code -dump-vmstate}. */
  public DeviceClasses classes() throws IOException {
    Path file = Files.createTempFile("vmstate-classes-", ".json");
    try {
      dumpClasses(file);
      try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
        return DeviceClassesJson.read(in, words.get(words.size() - 1) + " -dump-vmstate");
      }
    } finally {
      Files.deleteIfExists(file);
    }
  }

  /** Has it write them into a file. */
  public void dumpClasses(Path file) throws IOException {
    List<String> command = new ArrayList<>(words);
    command.addAll(List.of("-M", "none", "-nodefaults", "-display", "none"));
    command.addAll(List.of("-dump-vmstate", file.toString()));
    run(command);
  }

  private void run(List<String> command) throws IOException {
    Process process;
    try {
      process =
          new ProcessBuilder(command)
              .redirectInput(new File("/dev/null"))
              .redirectErrorStream(true)
              .start();
    } catch (IOException e) {
      throw QemuProcess.notStarted(words.get(0), e);
    }
    LastWords said = new LastWords(process.getInputStream());
    try {
      if (!process.waitFor(DUMP.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new QemuException("QEMU's -dump-vmstate does not end");
      }
      if (process.exitValue() != 0) {
        said.finish();
        throw new QemuException("QEMU's -dump-vmstate failed: " + said.oneLine());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new QemuException("interrupted while waiting for QEMU", e);
    } finally {
      process.destroyForcibly();
    }
  }
}
