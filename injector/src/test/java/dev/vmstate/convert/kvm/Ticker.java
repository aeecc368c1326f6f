package dev.vmstate.convert.kvm;

import dev.vmstate.bytes.Patch;
import dev.vmstate.device.EditSet;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/**
 * What QEMU 7.2 saved of the guest {@code ticker.elf} behind its fifth line: {@code -machine
 * microvm -m 4 -nodefaults -vga none -nic none -kernel ticker.elf}, once with {@code -accel tcg},
 * once with {@code -accel kvm}.
 */
final class Ticker {
  private Ticker() {}

  static Path stream(String accelerator, Path directory) throws IOException {
    Path file = directory.resolve("ticker-%s.mig".formatted(accelerator));
    try (InputStream in =
        new GZIPInputStream(
            Objects.requireNonNull(
                Ticker.class.getResourceAsStream("ticker-%s.mig.gz".formatted(accelerator))))) {
      Files.write(file, in.readAllBytes());
    }
    return file;
  }

  static StreamMachine machine(StreamSnapshot snapshot) throws IOException {
    return StreamMachine.of("ticker", snapshot.devices());
  }

  /** What KVM is to be given of a stream. */
  static MachineValues values(Path stream) throws IOException {
    try (StreamSnapshot snapshot = StreamSnapshot.open(stream)) {
      return machine(snapshot).toKvm();
    }
  }

  /** A copy with the edits in it. */
  static Path edited(Path stream, EditSet edits) throws IOException {
    byte[] bytes = Files.readAllBytes(stream);
    for (Patch patch : edits.patches()) {
      patch.with().get(bytes, (int) patch.where().offset(), (int) patch.where().length());
    }
    return Files.write(stream.resolveSibling("edited.mig"), bytes);
  }
}
