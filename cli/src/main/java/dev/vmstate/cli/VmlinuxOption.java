package dev.vmstate.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Who says how a guest's kernel lays its structures out, where it does not say so itself. */
final class VmlinuxOption {
  @Option(
      names = "--vmlinux",
      paramLabel = "FILE",
      description = {
        "vmlinux of the kernel's debug package, for a",
        "guest whose kernel has no types (BTF) in it."
      })
  private @Nullable Path vmlinux;

  Optional<Path> file() {
    return Optional.ofNullable(vmlinux);
  }
}
