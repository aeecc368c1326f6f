package dev.vmstate.cli.guest;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code savevm} into the disk's image. A second snapshot, taken two ticks later, is there too.
 *
 * <p>The guest runs on before the first one too: from 10.0 on, QEMU does not open a disk for
 * writing before the machine that was loaded goes on.
 */
final class SavevmWay implements Way {
  /** The snapshot meant. */
  static final String TAG = "before the change";

  /** The other one. */
  static final String OTHER = "later";

  private final String options;
  private final List<String> capabilities = new ArrayList<>();
  private boolean loadedAgain;

  /** {@code options}: of the image, as {@code qemu-img -o} takes them. */
  SavevmWay(String options) {
    this.options = options;
  }

  /** Capabilities both saving and loading need. */
  SavevmWay with(String... more) {
    capabilities.addAll(List.of(more));
    return this;
  }

  /** {@code loadvm} comes last: from then on the disk shares the clusters of the VM state. */
  SavevmWay loadedAgain() {
    loadedAgain = true;
    return this;
  }

  @Override
  public String name() {
    List<String> said = new ArrayList<>(List.of("savevm"));
    if (!options.isEmpty()) {
      said.add(options);
    }
    said.addAll(capabilities);
    if (loadedAgain) {
      said.add("loadvm");
    }
    return String.join(", ", said);
  }

  @Override
  public String container() {
    return "qcow2";
  }

  @Override
  public boolean ranOn() {
    return true;
  }

  @Override
  public boolean losesPages(BootedGuest guest) {
    return false;
  }

  @Override
  public boolean described() {
    return true;
  }

  @Override
  public boolean inPlace() {
    return true;
  }

  @Override
  public String save(BootedGuest guest, Path folder) throws IOException, InterruptedException {
    Path image = DiskImage.make(folder.resolve("disk.qcow2"), options);
    try (Machine source = Machine.loaded(guest.machineWithDisk(image).words(), guest.stopped())) {
      source.capabilities(capabilities);
      runOn(source, guest.last().number() + 1);
      source.silent("savevm \"%s\"".formatted(TAG));
      runOn(source, guest.last().number() + 3);
      source.silent("savevm " + OTHER);
      if (loadedAgain) {
        source.silent("loadvm \"%s\"".formatted(TAG));
      }
    }
    return in(image);
  }

  private static void runOn(Machine machine, int toTick) throws IOException {
    machine.run();
    machine.awaitTick(tick -> tick.number() >= toTick);
    machine.stop();
  }

  @Override
  public Machine load(BootedGuest guest, String snapshot) throws IOException {
    return load(guest, file(snapshot), TAG);
  }

  /** Makes the image's disk the one of the snapshot, as {@code loadvm} does. */
  Machine load(BootedGuest guest, Path image, String tag) throws IOException {
    Machine machine = Machine.fresh(guest.machineWithDisk(image).words());
    try {
      machine.capabilities(capabilities);
      machine.silent("loadvm \"%s\"".formatted(tag));
      return machine;
    } catch (IOException | RuntimeException | Error e) {
      machine.close();
      throw e;
    }
  }

  @Override
  public Path file(String snapshot) {
    return Path.of(snapshot.substring(0, snapshot.length() - TAG.length() - 1));
  }

  @Override
  public String in(Path file) {
    return file + "#" + TAG;
  }

  @Override
  public String toString() {
    return name();
  }
}
