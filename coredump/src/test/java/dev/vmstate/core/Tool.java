package dev.vmstate.core;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vmstate.fixtures.RequiredTool;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Programs of other people that read the same formats; a test without one is skipped, in CI it
 * fails.
 */
public final class Tool {
  private Tool() {}

  /** Standard output and error of a program that has to succeed. */
  public static String run(String debianPackage, String... command)
      throws IOException, InterruptedException {
    RequiredTool.require(command[0], debianPackage);
    List<String> list = new ArrayList<>(List.of(command));
    Process process = new ProcessBuilder(list).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }
}
