package dev.vmstate.exchange;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Commands for gdb that open an extraction: {@code gdb -x DIR/gdbinit}. The core comes with its
 * symbols, and a thread is called after the CPU it is.
 *
 * <p>gdb does not tell a script where it lies, so paths are absolute: the directory as it was when
 * it was written. A core is named without quotes, which gdb 13 would take for a part of the name; a
 * name with spaces or quotes in it is reached by {@code cd}, whose argument no gdb takes apart.
 */
final class GdbInit {
  /** Name of the file in the directory. */
  static final String FILE = "gdbinit";

  private final Path given;
  private final Path directory;
  private final int cpus;
  private final Optional<Symbols> symbols;

  /**
   * Where the kernel's symbols are.
   *
   * @param file an ELF file
   * @param offset what is to be added to its addresses
   * @param title what kernel it is, for people
   */
  record Symbols(Path file, long offset, String title) {}

  GdbInit(Path directory, int cpus, Optional<Symbols> symbols) {
    this.given = directory;
    this.directory = directory.toAbsolutePath().normalize();
    this.cpus = cpus;
    this.symbols = symbols;
  }

  /** The commands, a line each. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add("# gdb -x " + directory.resolve(FILE));
    lines.add("# Written by vmstate extract, for this place: extract again after moving it.");
    symbols.ifPresent(
        known -> {
          lines.add("# " + known.title());
          String moved =
              known.offset() == 0 ? "" : "-o 0x%s ".formatted(Long.toHexString(known.offset()));
          lines.add("symbol-file " + moved + quoted(known.file().toAbsolutePath().normalize()));
        });
    if (isPlain(directory)) {
      lines.add("core-file " + directory.resolve(Extraction.CORE));
    } else {
      lines.add("cd " + directory);
      lines.add("core-file " + Extraction.CORE);
    }
    for (int i = cpus; i >= 1; i--) {
      // From the last to the first, so that the first is the one chosen in the end.
      lines.add("thread apply %d -q -s thread name CPU %d".formatted(i, i - 1));
    }
    lines.add("# All CPUs: info threads, thread apply all bt");
    return lines;
  }

  private static boolean isPlain(Path path) {
    return path.toString().matches("[A-Za-z0-9_./+,:@%=-]+");
  }

  /** As gdb's buildargv takes it apart. */
  private static String quoted(Path path) {
    return isPlain(path)
        ? path.toString()
        : '"' + path.toString().replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  /** Writes the file, and names it as the directory was named. */
  Path write() throws IOException {
    for (Path path : List.of(directory, symbols.map(Symbols::file).orElse(directory))) {
      if (path.toString().contains("\n")) {
        throw new IOException("%s: a newline in a name cannot be told to gdb".formatted(path));
      }
    }
    Path path = given.resolve(FILE);
    try (OutputFile file = new OutputFile(path);
        var out = file.stream()) {
      out.write((String.join("\n", lines()) + "\n").getBytes(StandardCharsets.UTF_8));
      file.commit();
    }
    return path;
  }
}
