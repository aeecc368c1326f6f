package dev.vmstate.exchange;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A file that appears whole or not at all: written under a temporary name beside its own, forced to
 * disk, then renamed. Closing without {@link #commit} deletes what was written, and so does the end
 * of the program by a signal it can still see (Ctrl-C, SIGTERM).
 *
 * <p>A name that is a symbolic link stays one: the file it leads to is replaced. A name that is no
 * regular file is refused; renaming over {@code /dev/null} would work, for root.
 */
public final class OutputFile implements Closeable {
  private static final Set<Path> UNFINISHED = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(OutputFile::deleteUnfinished));
  }

  private final Path path;
  private final Path temporary;
  private final FileChannel channel;
  private boolean committed;

  /** Starts the file; an existing one stays until {@link #commit}. */
  public OutputFile(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      throw new IOException(path + ": is a directory, a file name was expected");
    }
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new IOException(path + ": is not a regular file, it cannot be replaced");
    }
    this.path = Files.exists(path) ? path.toRealPath() : path;
    Path directory = this.path.toAbsolutePath().getParent();
    if (directory == null || !Files.isDirectory(directory)) {
      throw new IOException(path + ": its directory does not exist");
    }
    this.temporary =
        directory.resolve(
            ".vmstate-%d-%x".formatted(ProcessHandle.current().pid(), System.nanoTime()));
    this.channel =
        FileChannel.open(
            temporary,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    UNFINISHED.add(temporary);
  }

  private static void deleteUnfinished() {
    for (Path file : UNFINISHED) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        // The program ends; there is nobody left to tell.
      }
    }
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
    UNFINISHED.remove(temporary);
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
      UNFINISHED.remove(temporary);
    }
  }
}
