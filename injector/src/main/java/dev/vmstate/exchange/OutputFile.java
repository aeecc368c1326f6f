package dev.vmstate.exchange;

import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;

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

  /** Made for an output and empty so far; the deepest first. */
  private static final Deque<Path> EMPTY = new ConcurrentLinkedDeque<>();

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
            prefix(this.path)
                + "%d-%x".formatted(ProcessHandle.current().pid(), System.nanoTime()));
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
    for (Path directory : EMPTY) {
      deleteIfEmpty(directory);
    }
  }

  private static void deleteIfEmpty(Path directory) {
    try {
      Files.deleteIfExists(directory);
    } catch (IOException e) {
      // Something is in it: it stays.
    }
  }

  /**
   * A directory for output files. What had to be made of it goes again on close, or at the end of
   * the program by a signal, as long as nothing is in it.
   */
  public static final class Directory implements Closeable {
    private final List<Path> made = new ArrayList<>();

    /** Makes what is missing of {@code directory}. */
    public Directory(Path directory) throws IOException {
      for (Path at = directory.toAbsolutePath();
          at != null && Files.notExists(at);
          at = at.getParent()) {
        made.add(at);
      }
      Files.createDirectories(directory);
      for (int i = made.size(); i-- > 0; ) {
        EMPTY.addFirst(made.get(i));
      }
    }

    @Override
    public void close() {
      for (Path directory : made) {
        deleteIfEmpty(directory);
        EMPTY.remove(directory);
      }
    }
  }

  /** Temporary files of one target, and of few others, start like this; a name may be 255 long. */
  private static String prefix(Path path) {
    return ".vmstate-%08x-".formatted(path.getFileName().toString().hashCode());
  }

  /**
   * Deletes what a killed program left of {@code path}: temporary files of its name whose process
   * no longer runs. The caller holds a lock that keeps others from writing {@code path} now.
   */
  public static void deleteLeftOvers(Path path) {
    String prefix = prefix(path);
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(path.toAbsolutePath().getParent(), prefix + "*")) {
      for (Path file : files) {
        String rest = file.getFileName().toString().substring(prefix.length());
        if (rest.matches("\\d{1,10}-[0-9a-f]{1,16}")
            && ProcessHandle.of(Long.parseLong(rest.substring(0, rest.indexOf('-')))).isEmpty()) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // They are in nobody's way: an edit does not fail because of them.
    }
  }

  /**
   * Gives the file the permissions of {@code model}, as cp does: what only its owner may read,
   * guest memory say, stays so in a copy. Where there are no such permissions, does nothing.
   */
  public void permissionsOf(Path model) throws IOException {
    PosixFileAttributeView from = Files.getFileAttributeView(model, PosixFileAttributeView.class);
    PosixFileAttributeView to = Files.getFileAttributeView(temporary, PosixFileAttributeView.class);
    if (from != null && to != null) {
      to.setPermissions(from.readAttributes().permissions());
    }
  }

  /** Writes all of {@code bytes} at {@code at}. */
  public void write(ByteBuffer bytes, long at) throws IOException {
    try {
      for (long to = at; bytes.hasRemaining(); ) {
        to += channel.write(bytes, to);
      }
    } catch (IOException e) {
      throw named(e);
    }
  }

  /** Writes one after the other, from the start on. */
  public OutputStream stream() {
    return new OutputStream() {
      private long at;

      @Override
      public void write(int one) throws IOException {
        write(new byte[] {(byte) one}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int from, int length) throws IOException {
        OutputFile.this.write(ByteBuffer.wrap(bytes, from, length), at);
        at += length;
      }
    };
  }

  /** "No space left on device" does not say which. */
  private IOException named(IOException e) {
    return e instanceof FileSystemException
        ? e
        : new FileSystemException(path.toString(), null, String.valueOf(e.getMessage()));
  }

  /** Where the bytes are until {@link #commit}. */
  Path temporary() {
    return temporary;
  }

  /** To read back what was written. */
  public FileChannel channel() {
    return channel;
  }

  /** Forces everything to disk and gives the file its name, replacing an older one. */
  public void commit() throws IOException {
    try {
      channel.force(true);
      channel.close();
    } catch (IOException e) {
      throw named(e);
    }
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
