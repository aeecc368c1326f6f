package dev.vmstate.container;

import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.libvirt.LibvirtContainer;
import dev.vmstate.libvirt.SaveImage;
import dev.vmstate.qcow2.Qcow2Container;
import dev.vmstate.qcow2.Qcow2Image;
import dev.vmstate.stream.StreamHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.util.Optional;

/** Finds out by its first bytes what a file is, and opens it. */
public final class Containers {
  private Containers() {}

  /**
   * Opens what {@code source} names.
   *
   * @throws UnsupportedFormatException when it is nothing that holds a migration stream
   */
  public static Container open(SnapshotName source) throws IOException {
    if (!Files.exists(source.file())) {
      throw new NoSuchFileException(source.toString(), null, "there is no such file");
    }
    if (!Files.isRegularFile(source.file()) && !BlockDevice.is(source.file())) {
      throw new IOException(source + ": not a regular file or block device");
    }
    FileSource file = new FileSource(source.file());
    try {
      return open(source, file);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private static Container open(SnapshotName source, FileSource file) throws IOException {
    ByteBuffer front = file.read(new Span(0, Math.min(KnownFiles.LONGEST, file.size())));
    if (front.remaining() >= 4 && front.getInt(0) == StreamHeader.QEMU_VM_FILE_MAGIC) {
      return plain(source, file, 0);
    }
    if (SaveImage.startsWith(front)) {
      requireNoInner(source);
      return new LibvirtContainer(source, file);
    }
    if (Qcow2Image.startsWith(front)) {
      return Qcow2Container.open(source, file);
    }
    Optional<String> other = KnownFiles.name(front);
    if (other.isPresent()) {
      throw new UnsupportedFormatException(
          file.name(),
          0,
          other.get() + ": a migration stream (QEMU's 'migrate exec:cat>FILE') was expected");
    }
    return plain(source, file, StreamStart.find(file).orElse(0));
  }

  private static Container plain(SnapshotName source, FileSource file, long at) throws IOException {
    requireNoInner(source);
    return new PlainContainer(source, file, at);
  }

  private static void requireNoInner(SnapshotName source) throws IOException {
    if (source.inner().isPresent()) {
      throw new IOException(
          "%s: is one snapshot by itself, there is none called '%s' in it"
              .formatted(source.file(), source.inner().get()));
    }
  }
}
