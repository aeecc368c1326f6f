package dev.vmstate.convert;

import dev.vmstate.bytes.Progress;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.exchange.FileCopy;
import dev.vmstate.exchange.OutputFile;
import dev.vmstate.libvirt.SaveFormat;
import dev.vmstate.libvirt.SaveImage;
import dev.vmstate.qcow2.Qcow2Image;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/** A snapshot in another container; RAM and device state stay what they are. */
public final class Conversion {
  private static final int BUFFER = 1 << 18;

  private Conversion() {}

  /** As a plain file that {@code -incoming exec:} or {@code file:} takes. */
  public static void toStream(StreamSnapshot snapshot, Path output, Progress progress)
      throws IOException {
    refuseItself(snapshot, output);
    try (OutputFile file = new OutputFile(output);
        OutputStream out = new BufferedOutputStream(file.stream(), BUFFER)) {
      new StreamForm(snapshot, progress).writeTo(out);
      out.flush();
      file.commit();
    }
  }

  /** As a mapped-ram file, for QEMU 9.0 and later with that capability set. */
  public static void toMappedRam(StreamSnapshot snapshot, Path output, Progress progress)
      throws IOException {
    refuseItself(snapshot, output);
    try (OutputFile file = new OutputFile(output)) {
      new MappedForm(snapshot, progress).writeTo(file);
      file.commit();
    }
  }

  /**
   * As a libvirt save image with the stream as it is behind the header ({@code virsh restore}).
   *
   * @param xml the domain XML libvirt is to start QEMU by; the first NUL ends it
   * @param running whether libvirt lets the domain run after restoring it
   */
  public static void toLibvirt(
      StreamSnapshot snapshot,
      byte[] xml,
      Optional<byte[]> cookie,
      boolean running,
      Path output,
      Progress progress)
      throws IOException {
    refuseItself(snapshot, output);
    SaveImage image = SaveImage.create(xml, cookie, running, SaveFormat.RAW);
    try (OutputFile file = new OutputFile(output);
        OutputStream out = new BufferedOutputStream(file.stream(), BUFFER)) {
      out.write(image.front());
      new StreamForm(snapshot, progress).writeTo(out);
      out.flush();
      file.commit();
    }
  }

  /**
   * As an internal snapshot of a disk image ({@code loadvm NAME}); the disk as it is now belongs to
   * it. The image stays as it is, {@code output} is a copy of it with one more snapshot.
   */
  public static void toQcow2(
      StreamSnapshot snapshot, Path disk, String name, Path output, Progress progress)
      throws IOException {
    refuseItself(snapshot, output);
    if (Files.exists(output) && Files.isSameFile(output, disk)) {
      throw new IOException(output + ": is the disk image itself: name another file");
    }
    try (Qcow2Image image = Qcow2Image.open(disk);
        OutputFile file = new OutputFile(output)) {
      Qcow2SnapshotWriter.check(image, name);
      FileCopy.copy(disk, file, progress);
      Qcow2SnapshotWriter.write(
          image,
          file.channel(),
          new Qcow2SnapshotWriter.Label(name, Instant.now(), vmClock(snapshot)),
          out -> {
            OutputStream buffered = new BufferedOutputStream(out, BUFFER);
            new StreamForm(snapshot, progress).writeTo(buffered);
            buffered.flush();
          });
      file.commit();
    }
  }

  /** How long a stopped guest had run; of one that was running it is only the clock's offset. */
  private static long vmClock(StreamSnapshot snapshot) throws IOException {
    for (DeviceSection device : snapshot.devices()) {
      for (Field field : device.root().children()) {
        if (device.name().equals("timer")
            && field instanceof Field.Scalar scalar
            && scalar.name().equals("cpu_clock_offset")) {
          return Math.max(0, scalar.value());
        }
      }
    }
    return 0;
  }

  static void refuseItself(StreamSnapshot snapshot, Path output) throws IOException {
    if (Files.exists(output) && Files.isSameFile(output, snapshot.path())) {
      throw new IOException(output + ": is the snapshot itself: name another file");
    }
  }
}
