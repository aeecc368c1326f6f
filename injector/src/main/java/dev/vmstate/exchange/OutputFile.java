package dev.vmstate.exchange;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A file that appears whole or not at all: written under a temporary name beside its own, forced to
 * disk, then renamed. Closing without {@link #commit} deletes what was written.
 */
public final class OutputFile implements Closeable {
  private final Path path;
  private final Path temporary;
  private final FileChannel channel;
  private boolean committed;

  /** Starts the file; an existing one stays until {@link #commit}. */
  public OutputFile(Path path) throws IOException {
    this.path = path;
    Path directory = path.toAbsolutePath().getParent();
    if (Files.isDirectory(path)) {
      throw new IOException(path + ": is a directory, a file name was expected");
    }
    if (directory == null || !Files.isDirectory(directory)) {
      throw new IOException(path + ": its directory does not exist");
    }
    this.temporary =
        directory.resolve(
            ".vmstate-%s-%d-%s"
                .formatted(path.getFileName(), ProcessHandle.current().pid(), nonce()));
    this.channel =
        FileChannel.open(
            temporary,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
  }

  private static String nonce() {
    return Long.toHexString(System.nanoTime());
  }

  /** Where to write, and to read back. */
  public FileChannel channel() {
    return channel;
  }

  /** Forces everything to disk and gives the file its name, replacing an older one. */
  public void commit() throws IOException {
    channel.force(true);
    channel.close();
    try {
      Files.move(
          temporary, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(temporary, path, StandardCopyOption.REPLACE_EXISTING);
    }
    committed = true;
    syncDirectory(path);
  }

  /** Makes a rename survive a power cut. */
  public static void syncDirectory(Path path) throws IOException {
    Path directory = path.toAbsolutePath().getParent();
    try (FileChannel handle = FileChannel.open(directory, StandardOpenOption.READ)) {
      handle.force(true);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
    if (!committed) {
      Files.deleteIfExists(temporary);
    }
  }
}
