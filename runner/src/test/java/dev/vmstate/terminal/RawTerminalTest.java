package dev.vmstate.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.vmstate.fixtures.RequiredTool;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On a terminal that {@code script} makes, with {@code stty} as the judge of how it is set. */
@Timeout(value = 2, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RawTerminalTest {
  private Process script;
  private BufferedReader lines;
  private OutputStream keys;

  @BeforeEach
  void start() throws IOException {
    RequiredTool.require("script", "bsdutils");
    String java =
        "'%s' -XX:TieredStopAtLevel=1 -cp '%s' %s"
            .formatted(
                new File(System.getProperty("java.home"), "bin/java"),
                System.getProperty("java.class.path"),
                RawTerminalProbe.class.getName());
    // The shell is interactive enough to know jobs: one that stops does not stop the shell.
    String session =
        "set -m; echo before $(stty -g); %s 2>&1; echo ended $?; echo after $(stty -g); fg 2>&1; echo over"
            .formatted(java);
    // What runs the tests may ignore signals, under nohup or in a background: children inherit
    // that.
    script =
        new ProcessBuilder("env", "--default-signal", "script", "-qefc", session, "/dev/null")
            .redirectErrorStream(true)
            .start();
    lines =
        new BufferedReader(
            new InputStreamReader(script.getInputStream(), StandardCharsets.US_ASCII));
    keys = script.getOutputStream();
  }

  @AfterEach
  void stop() {
    if (script != null) {
      script.descendants().forEach(ProcessHandle::destroyForcibly);
      script.destroyForcibly();
    }
  }

  /** The rest of the first line that says so, perhaps behind the echo of a key. */
  private String line(String start) throws IOException {
    StringBuilder all = new StringBuilder();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      all.append(line).append('\n');
      int at = line.indexOf(start);
      if (at >= 0) {
        return line.substring(at + start.length()).strip();
      }
    }
    return fail("no line '%s' in:%n%s".formatted(start, all));
  }

  private void type(int... bytes) throws IOException {
    for (int b : bytes) {
      keys.write(b);
    }
    keys.flush();
  }

  /** How the terminal is set now, seen from outside. */
  private static String settings(long pid) throws IOException, InterruptedException {
    Process stty =
        new ProcessBuilder("stty", "-a")
            .redirectInput(new File("/proc/%d/fd/0".formatted(pid)))
            .redirectErrorStream(true)
            .start();
    String text = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    assertEquals(0, stty.waitFor(), text);
    return text;
  }

  @Test
  void everyKeyComesAsItIsAtOnceAndWithoutAnEcho() throws Exception {
    String before = line("before ");
    long pid = Long.parseLong(line("raw "));
    String raw = settings(pid);
    for (String off : new String[] {"-icanon", "-echo ", "-icrnl", "-ixon", "-iexten"}) {
      assertTrue(raw.contains(off), off + " in " + raw);
    }
    assertTrue(raw.matches("(?s).*\\sisig\\s.*") && raw.matches("(?s).*\\sopost\\s.*"), raw);
    // Enter, Ctrl-D, Ctrl-S, Ctrl-V, a byte that is no ASCII: each would mean something otherwise.
    for (int key : new int[] {'\r', 4, 19, 22, 0xe4, 'a'}) {
      type(key);
      assertEquals(Integer.toString(key), line("key "));
    }
    type('q');
    assertEquals("0", line("ended "));
    assertEquals(before, line("after "));
  }

  @Test
  void anExceptionPutsTheTerminalBack() throws Exception {
    String before = line("before ");
    line("raw ");
    type('x');
    assertEquals("1", line("ended "));
    assertEquals(before, line("after "));
  }

  @ParameterizedTest
  @ValueSource(strings = {"INT", "TERM", "HUP"})
  void aSignalPutsTheTerminalBack(String signal) throws Exception {
    String before = line("before ");
    long pid = Long.parseLong(line("raw "));
    assertEquals(0, new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).start().waitFor());
    assertNotEquals("0", line("ended "));
    assertEquals(before, line("after "));
  }

  @Test
  void ctrlCIsASignal() throws Exception {
    String before = line("before ");
    line("raw ");
    type(3);
    assertEquals("130", line("ended "));
    assertEquals(before, line("after "));
  }

  @Test
  void ctrlZPutsTheTerminalBackUntilItGoesOn() throws Exception {
    String before = line("before ");
    long pid = Long.parseLong(line("raw "));
    type(26);
    line("ended "); // stopped, and the shell is asked for the settings
    assertEquals(before, line("after "));
    // fg: raw again, once the process had its turn
    type('q');
    assertEquals("113", line("key "));
    line("over");
    assertTrue(pid > 0);
  }
}
