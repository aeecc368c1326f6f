package dev.vmstate.compress;

import dev.vmstate.fixtures.RequiredTool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Runs the real compression programs. */
final class Program {
  private Program() {}

  /** What a program makes of {@code input}, in a pipe. */
  static byte[] run(Path dir, byte[] input, String... command) throws Exception {
    String name = command[0];
    RequiredTool.require(name, name.equals("xz") ? "xz-utils" : name);
    Path in = Files.write(dir.resolve("in"), input);
    Path out = dir.resolve("out");
    Path err = dir.resolve("err");
    Process process =
        new ProcessBuilder(command)
            .redirectInput(in.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    int status = process.waitFor();
    if (status != 0) {
      throw new IOException("%s: status %d: %s".formatted(name, status, Files.readString(err)));
    }
    return Files.readAllBytes(out);
  }
}
