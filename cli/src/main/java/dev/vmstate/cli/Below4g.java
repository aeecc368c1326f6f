package dev.vmstate.cli;

import dev.vmstate.snapshot.Snapshot;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The split of main memory, when the snapshot tells it wrongly. */
final class Below4g {
  @Option(
      names = "--below-4g",
      paramLabel = "SIZE",
      converter = Sizes.Converter.class,
      description = "How much of main memory lies below 4 GiB, if the snapshot tells it wrongly.")
  @Nullable Long bytes;

  void apply(Snapshot opened) {
    if (bytes != null) {
      opened.below4g(bytes);
    }
  }
}
