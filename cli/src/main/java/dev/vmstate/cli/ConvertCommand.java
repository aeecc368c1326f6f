package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.vmstate.bytes.Progress;
import dev.vmstate.convert.Conversion;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** One container to another. */
@Command(
    name = "convert",
    mixinStandardHelpOptions = true,
    description = "Writes the snapshot in another container; RAM and device state stay the same.",
    footer = {
      "",
      "Example:",
      "  vmstate convert vm.mig --to qemu-mapped-ram -o vm.mapped",
    })
final class ConvertCommand implements Callable<Integer> {
  /** What can be written. */
  enum Form {
    QEMU_STREAM("qemu-stream"),
    QEMU_MAPPED_RAM("qemu-mapped-ram");

    private final String label;

    Form(String label) {
      this.label = label;
    }

    @Override
    public String toString() {
      return label;
    }
  }

  /** For the completion script and the help. */
  static final class Forms implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return List.of(Form.values()).stream().map(Form::toString).iterator();
    }
  }

  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Option(
      names = "--to",
      paramLabel = "FORMAT",
      required = true,
      completionCandidates = Forms.class,
      description = "One of ${COMPLETION-CANDIDATES}.")
  private Form form;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT",
      required = true,
      description = "The new file.")
  private Path out;

  @Override
  public Integer call() throws Exception {
    try (StreamSnapshot opened = snapshot.openStream()) {
      convert(opened, output.progress());
    }
    report();
    return 0;
  }

  private void convert(StreamSnapshot opened, Progress progress) throws IOException {
    switch (form) {
      case QEMU_STREAM -> Conversion.toStream(opened, out, progress);
      case QEMU_MAPPED_RAM -> Conversion.toMappedRam(opened, out, progress);
    }
  }

  private void report() throws Exception {
    if (output.json) {
      output.print(
          JsonNodeFactory.instance
              .objectNode()
              .put("file", out.toString())
              .put("container", form.toString())
              .put("bytes", Files.size(out)));
    } else if (!output.quiet) {
      output.out().printf("%s  %s, %s%n", out, form, Sizes.text(Files.size(out)));
    }
  }
}
