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

  /** Writes a string and its NUL to guest-physical memory, by an address the core has for it. */
  static void writeText(Path core, long physical, String text)
      throws IOException, InterruptedException {
    write(
        core,
        "set var *(char(*)[%d])0x%x = \"%s\""
            .formatted(text.length() + 1, address(core, physical), text));
  }

  static void writeWord(Path core, long physical, int word)
      throws IOException, InterruptedException {
    write(core, "set var *(unsigned int*)0x%x = 0x%x".formatted(address(core, physical), word));
  }

  private static long address(Path core, long physical) throws IOException {
    try (ElfDump elf = new ElfDump(core)) {
      return elf.virtual(physical);
    }
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
