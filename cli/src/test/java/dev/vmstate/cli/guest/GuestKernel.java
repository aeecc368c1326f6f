package dev.vmstate.cli.guest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A Linux that {@code .ci/guest-kernels} has fetched.
 *
 * @param folder in the cache: vmlinuz, modules, order
 */
record GuestKernel(Path folder) {
  /** Small and quick to boot; drivers for virtio and vmxnet3 cards. */
  static GuestKernel cloud() {
    return named("linux-cloud");
  }

  /** With drivers for Intel's and Realtek's cards too. */
  static GuestKernel generic() {
    return named("linux-generic");
  }

  private static GuestKernel named(String name) {
    Path folder = cache().resolve(name);
    if (!Files.exists(folder.resolve("package"))) {
      HostTool.missing("no guest kernel in %s: run .ci/guest-kernels".formatted(folder));
    }
    return new GuestKernel(folder);
  }

  /** Where the script puts what it fetches. */
  static Path cache() {
    Path home = Path.of(System.getProperty("user.home"), ".cache");
    return environment("VMSTATE_CACHE")
        .orElseGet(() -> environment("XDG_CACHE_HOME").orElse(home).resolve("vmstate"))
        .resolve("guest");
  }

  /** Empty is as good as unset, as it is to the script. */
  private static Optional<Path> environment(String name) {
    return Optional.ofNullable(System.getenv(name)).filter(text -> !text.isEmpty()).map(Path::of);
  }

  Path image() {
    return folder.resolve("vmlinuz");
  }

  /** Names of the modules, each behind those it needs. */
  List<String> modules() throws IOException {
    return Files.readAllLines(folder.resolve("order"));
  }

  byte[] module(String name) throws IOException {
    return Files.readAllBytes(folder.resolve("modules").resolve(name + ".ko"));
  }
}
