package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmstate.fixtures.RequiredTool;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Programs of the host. */
final class HostTool {
  private HostTool() {}

  /** Skips the test without it; in CI fails it. */
  static void need(String program, String debianPackages) {
    RequiredTool.require(program, debianPackages);
  }

  /** Skips the test for this reason; in CI fails it. */
  static void missing(String what) {
    if (System.getenv("VMSTATE_CI") != null) {
      fail(what);
    }
    assumeTrue(false, what);
  }

  /** What a program that has to succeed prints on both streams. */
  static String run(String... command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command)
            .redirectInput(new File("/dev/null"))
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), () -> String.join(" ", command) + "\n" + output);
    return output;
  }
}
