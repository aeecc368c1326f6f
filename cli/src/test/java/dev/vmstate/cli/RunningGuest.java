package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The command in a process of its own, which can get signals. Ended when this is closed. */
final class RunningGuest implements Closeable {
  private final Process process;
  private final BufferedReader err;
  private final StringBuilder said = new StringBuilder();

  private RunningGuest(Process process) {
    this.process = process;
    this.err =
        new BufferedReader(
            new InputStreamReader(process.getErrorStream(), StandardCharsets.ISO_8859_1));
  }

  /**
   * The words with which a JVM like this one starts the command. What runs the tests may itself
   * ignore signals, as whatever is started by nohup or in a script's background does, and children
   * inherit that.
   */
  static List<String> words(Object... arguments) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "env",
                "--default-signal",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx256m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.vmstate.cli.Main"));
    Stream.of(arguments).map(Object::toString).forEach(words::add);
    return words;
  }

  static RunningGuest start(Object... arguments) throws IOException {
    return new RunningGuest(new ProcessBuilder(words(arguments)).start());
  }

  /** Waits for a line on standard error that contains this. */
  String note(String text) throws IOException {
    for (String line = err.readLine(); line != null; line = err.readLine()) {
      said.append(line).append('\n');
      if (line.contains(text)) {
        return line;
      }
    }
    return fail("'%s' was never said, but:%n%s".formatted(text, said));
  }

  InputStream out() {
    return process.getInputStream();
  }

  OutputStream in() {
    return process.getOutputStream();
  }

  void signal(String name) throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
    assertEquals(0, kill.waitFor(), name);
  }

  long pid() {
    return process.pid();
  }

  /** Waits for its end. */
  int status() throws IOException, InterruptedException {
    for (String line = err.readLine(); line != null; line = err.readLine()) {
      said.append(line).append('\n');
    }
    assertTrue(process.waitFor(1, TimeUnit.MINUTES), "it does not end");
    return process.exitValue();
  }

  /** What it has said on standard error. */
  String said() {
    return said.toString();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
