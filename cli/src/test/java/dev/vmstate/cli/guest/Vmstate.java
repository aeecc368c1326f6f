package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One run of the command, in a JVM of its own with the launcher's options.
 *
 * @param bytesRead what the JVM and the command read from files, jars included
 */
record Vmstate(int status, String out, String err, long bytesRead) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** A run that has to succeed. */
  static Vmstate run(Object... arguments) throws IOException, InterruptedException {
    Vmstate run = attempt(arguments);
    assertEquals(0, run.status, () -> "vmstate " + Arrays.asList(arguments) + "\n" + run.err);
    return run;
  }

  static Vmstate attempt(Object... arguments) throws IOException, InterruptedException {
    // The kernel adds what a process has read to its parent's account when the parent waits for it.
    List<String> command =
        new ArrayList<>(
            List.of("sh", "-c", "\"$@\"; status=$?; cat /proc/$$/io >\"$0\"; exit $status"));
    Path account = Files.createTempFile("vmstate-guest-", ".io");
    Path err = Files.createTempFile("vmstate-guest-", ".err");
    try {
      command.add(account.toString());
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(
          List.of("-XX:+UseSerialGC", "-Xmx256m", "-XX:MaxDirectMemorySize=64m", "-Xshare:auto"));
      command.addAll(List.of("-cp", System.getProperty("java.class.path")));
      command.add("dev.vmstate.cli.Main");
      Arrays.stream(arguments).map(Object::toString).forEach(command::add);
      Process process =
          new ProcessBuilder(command)
              .redirectInput(new File("/dev/null"))
              .redirectError(err.toFile())
              .start();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      return new Vmstate(status, out, Files.readString(err), bytesRead(account));
    } finally {
      Files.delete(account);
      Files.delete(err);
    }
  }

  private static long bytesRead(Path account) throws IOException {
    for (String line : Files.readAllLines(account)) {
      if (line.startsWith("rchar: ")) {
        return Long.parseLong(line.substring("rchar: ".length()));
      }
    }
    return -1;
  }

  JsonNode json() throws IOException {
    return JSON.readTree(out);
  }
}
