package dev.vmstate.convert;

import dev.vmstate.bytes.Progress;
import dev.vmstate.exchange.OutputFile;
import dev.vmstate.libvirt.SaveFormat;
import dev.vmstate.libvirt.SaveImage;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
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

  static void refuseItself(StreamSnapshot snapshot, Path output) throws IOException {
    if (Files.exists(output) && Files.isSameFile(output, snapshot.path())) {
      throw new IOException(output + ": is the snapshot itself: name another file");
    }
  }
}
