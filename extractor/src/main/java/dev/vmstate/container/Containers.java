package dev.vmstate.container;

import dev.vmstate.bytes.OpenSource;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.compress.Compression;
import dev.vmstate.libvirt.LibvirtContainer;
import dev.vmstate.libvirt.SaveImage;
import dev.vmstate.qcow2.Qcow2Container;
import dev.vmstate.qcow2.Qcow2Image;
import dev.vmstate.stream.StreamHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
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
    return of(source, source.isStandardInput() ? Pipe.standardInput() : file(source.file()));
  }

  /** Opens what stands in {@code file}, which the container closes. */
  public static Container of(SnapshotName source, OpenSource file) throws IOException {
    try {
      return open(source, file);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private static OpenSource file(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "there is no such file");
    }
    if (Files.isDirectory(path)) {
      throw new IOException(path + ": is a directory, a snapshot file was expected");
    }
    return Files.isRegularFile(path) || BlockDevice.is(path) ? new FileSource(path) : Pipe.of(path);
  }

  private static Container open(SnapshotName source, OpenSource file) throws IOException {
    ByteBuffer front = ByteBuffer.allocate(KnownFiles.LONGEST);
    file.readSome(0, front);
    front.flip();
    if (front.remaining() >= 4 && front.getInt(0) == StreamHeader.QEMU_VM_FILE_MAGIC) {
      return plain(source, file);
    }
    if (SaveImage.startsWith(front)) {
      requireNoInner(source);
      return new LibvirtContainer(source, file);
    }
    if (Qcow2Image.startsWith(front)) {
      if (file instanceof FileSource image) {
        return Qcow2Container.open(source, image);
      }
      throw new UnsupportedFormatException(
          file.name(), 0, "a qcow2 image cannot be read from a pipe: name its file");
    }
    Optional<String> other = KnownFiles.name(front);
    if (other.isPresent()) {
      throw new UnsupportedFormatException(
          file.name(),
          0,
          other.get() + ": a migration stream (QEMU's 'migrate exec:cat>FILE') was expected");
    }
    return plain(source, file);
  }

  private static Container plain(SnapshotName source, OpenSource file) throws IOException {
    requireNoInner(source);
    Optional<Compression> compression = Payload.detect(file, 0);
    long at = compression.isPresent() || file.forward() ? 0 : StreamStart.find(file).orElse(0);
    return new PlainContainer(source, new Payload(file, at, compression));
  }

  private static void requireNoInner(SnapshotName source) throws IOException {
    if (source.inner().isPresent()) {
      throw new IOException(
          "%s: is one snapshot by itself, there is none called '%s' in it"
              .formatted(source.file(), source.inner().get()));
    }
  }
}
