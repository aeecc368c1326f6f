package dev.vmstate.kvmdir;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A directory of files that appears whole or not at all: written under a temporary name beside its
 * own, every file and the directory forced to disk, then renamed. Closing without {@link #commit}
 * deletes what was written, and so does the end of the program by a signal it can still see. What a
 * killed program left is deleted by the next one that writes the same directory.
 *
 * <p>Guest memory is its owner's alone: the files are made for nobody else to read, as Cloud
 * Hypervisor makes them (vmm/src/migration/mod.rs).
 */
public final class DirectoryWriter implements Closeable {
  private static final FileAttribute<?> OWNERS_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private static final FileAttribute<?> OWNERS_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private static final Set<Path> UNFINISHED = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(DirectoryWriter::deleteUnfinished));
  }

  private final Path target;
  private final Path temporary;
  private boolean committed;

  /**
   * Starts the directory.
   *
   * @throws IOException when there is something of that name
   */
  public DirectoryWriter(Path target) throws IOException {
    this.target = target;
    refuseExisting(target);
    Path name = target.toAbsolutePath().normalize().getFileName();
    Path parent = parent(target);
    if (name == null || !Files.isDirectory(parent)) {
      throw new IOException(target + ": its directory does not exist");
    }
    String prefix = ".vmstate-%08x-".formatted(name.toString().hashCode());
    deleteLeftOvers(parent, prefix);
    this.temporary =
        parent.resolve(
            prefix + "%d-%x".formatted(ProcessHandle.current().pid(), System.nanoTime()));
    Files.createDirectory(temporary, OWNERS_DIRECTORY);
    UNFINISHED.add(temporary);
  }

  /**
   * Says early what {@link #DirectoryWriter} would say: before a machine is run for hours.
   *
   * @throws IOException when there is something of that name
   */
  public static void refuseExisting(Path target) throws IOException {
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      throw new FileAlreadyExistsException(
          target.toString(), null, "there is something of that name already: name another");
    }
  }

  private static Path parent(Path target) throws IOException {
    Path parent = target.toAbsolutePath().normalize().getParent();
    if (parent == null) {
      throw new IOException(target + ": is no name for a directory");
    }
    return parent;
  }

  /** Where a file of the directory is until {@link #commit}: to be made there by whatever means. */
  public Path path(String file) {
    return temporary.resolve(file);
  }

  /** Gives the directory the permissions of {@code model}, as a copy of it has. */
  public void permissionsOf(Path model) throws IOException {
    PosixFileAttributeView from = Files.getFileAttributeView(model, PosixFileAttributeView.class);
    if (from != null) {
      Files.setPosixFilePermissions(temporary, from.readAttributes().permissions());
    }
  }

  /** Writes a file. */
  public void write(String file, byte[] bytes) throws IOException {
    Files.createFile(path(file), OWNERS_FILE);
    Files.write(path(file), bytes);
  }

  /** Starts a file that is written from front to back; to be closed before {@link #commit}. */
  public SparseFile sparse(String file) throws IOException {
    Files.createFile(path(file), OWNERS_FILE);
    return new SparseFile(path(file));
  }

  /** Forces everything to disk and gives the directory its name. */
  public void commit() throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(temporary)) {
      for (Path file : files) {
        force(file);
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    force(temporary);
    refuseExisting(target);
    // An empty directory that somebody made in between would be replaced; nothing else.
    Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    committed = true;
    UNFINISHED.remove(temporary);
    force(parent(target));
  }

  private static void force(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      throw new IOException("%s: %s".formatted(path, e.getMessage()), e);
    }
  }

  @Override
  public void close() throws IOException {
    if (!committed) {
      UNFINISHED.remove(temporary);
      delete(temporary);
    }
  }

  private static void deleteUnfinished() {
    for (Path directory : UNFINISHED) {
      try {
        delete(directory);
      } catch (IOException | DirectoryIteratorException e) {
        // The program ends; there is nobody left to tell.
      }
    }
  }

  /** Directories that were to become this one, whose process no longer runs. */
  private static void deleteLeftOvers(Path parent, String prefix) {
    try (DirectoryStream<Path> found = Files.newDirectoryStream(parent, prefix + "*")) {
      for (Path left : found) {
        String rest = left.getFileName().toString().substring(prefix.length());
        if (rest.matches("\\d{1,10}-[0-9a-f]{1,16}")
            && Files.isDirectory(left, LinkOption.NOFOLLOW_LINKS)
            && ProcessHandle.of(Long.parseLong(rest.substring(0, rest.indexOf('-')))).isEmpty()) {
          delete(left);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // They are in nobody's way: a snapshot does not fail because of them.
    }
  }

  /** Files and the directory; there are no directories in it. */
  private static void delete(Path directory) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(directory);
  }
}
