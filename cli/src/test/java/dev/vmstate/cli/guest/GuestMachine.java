package dev.vmstate.cli.guest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Command lines of machines that boot the guest. */
final class GuestMachine {
  private final List<String> words = new ArrayList<>();
  private int cards;

  /**
   * A machine without any device that is not asked for.
   *
   * @param qemu the program, and what has to stand before it
   */
  GuestMachine(List<String> qemu, String machine, String memory) {
    words.addAll(qemu);
    words.addAll(List.of("-accel", "tcg", "-M", machine, "-m", memory, "-nodefaults"));
  }

  /** This host's own QEMU; skips the test where there is none. */
  static List<String> hostQemu() {
    HostTool.need("qemu-system-x86_64", "qemu-system-x86");
    return List.of("qemu-system-x86_64");
  }

  /** A QEMU that {@code .ci/guest-kernels --matrix} has fetched; skips the test without it. */
  static List<String> cachedQemu(String version) {
    Path folder = GuestKernel.cache().resolve("qemu");
    Path program = folder.resolve(version).resolve("qemu-system-x86_64");
    if (!Files.isExecutable(program)) {
      Path why = folder.resolve(version + ".failed");
      HostTool.missing(
          Files.exists(why)
              ? contents(why)
              : "no QEMU %s in %s: run .ci/guest-kernels --matrix".formatted(version, folder));
    }
    return List.of(program.toString());
  }

  private static String contents(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      return e.toString();
    }
  }

  GuestMachine cpus(int count) {
    return with("-smp", Integer.toString(count));
  }

  GuestMachine boots(GuestKernel kernel, Path disk) {
    with("-no-reboot", "-kernel", kernel.image().toString(), "-initrd", disk.toString());
    return with("-append", "console=ttyS0 loglevel=1 panic=-1 rdinit=/init");
  }

  GuestMachine card(String model, String mac) {
    String id = "n" + cards++;
    with("-netdev", "hubport,hubid=0,id=" + id);
    return with("-device", "%s,netdev=%s,mac=%s,id=%s".formatted(model, id, mac, "card" + id));
  }

  GuestMachine with(String... more) {
    words.addAll(List.of(more));
    return this;
  }

  List<String> words() {
    return List.copyOf(words);
  }
}
