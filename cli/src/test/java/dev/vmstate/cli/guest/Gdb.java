package dev.vmstate.cli.guest;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** gdb on a core, without symbols, as a user without any setting of their own. */
final class Gdb {
  private Gdb() {}

  static String read(Path core, String... commands) throws IOException, InterruptedException {
    return run(List.of(), core, commands);
  }

  static String write(Path core, String... commands) throws IOException, InterruptedException {
    return run(List.of("--write"), core, commands);
  }

  private static String run(List<String> options, Path core, String... commands)
      throws IOException, InterruptedException {
    HostTool.need("gdb", "gdb");
    List<String> words = new ArrayList<>(List.of("gdb", "-nx", "-batch"));
    words.addAll(options);
    words.addAll(List.of("-core", core.toString()));
    for (String command : commands) {
      words.addAll(List.of("-ex", command));
    }
    return HostTool.run(words.toArray(String[]::new));
  }
}
