package dev.vmstate.cli;

import dev.vmstate.container.FileSource;
import dev.vmstate.core.debuginfo.Vmlinux;
import dev.vmstate.core.layouts.LayoutWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a table of layouts, for {@code --vmlinux} or to be shipped; docs/layouts.md says how. */
@Command(
    name = "layouts",
    hidden = true,
    mixinStandardHelpOptions = true,
    description = {
      "Writes how the structures of a kernel are laid out that other commands ask for: a small text",
      "file for their option --vmlinux, in place of the vmlinux it was made of."
    },
    footer = {"", "Example:", "  vmstate layouts vmlinux -o linux-6.1.0-50-686.layout"})
final class LayoutsCommand implements Callable<Integer> {
  @Parameters(paramLabel = "VMLINUX", description = "vmlinux of a kernel's debug package.")
  private Path vmlinux;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      required = true,
      description = "The table.")
  private Path output;

  @Override
  public Integer call() throws IOException {
    try (FileSource source = new FileSource(vmlinux)) {
      Files.write(output, LayoutWriter.lines(Vmlinux.open(source)));
    }
    return 0;
  }
}
