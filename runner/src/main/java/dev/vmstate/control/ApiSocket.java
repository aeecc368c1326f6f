package dev.vmstate.control;

import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A listening Unix socket that is its owner's alone (mode 0600) from the moment its name exists.
 *
 * <p>{@code bind} makes a socket with the mode the umask leaves, and Java cannot set the umask; a
 * {@code chmod} behind it would leave a moment in which others can connect. So the socket is bound
 * in a new directory of mode 0700 beside its name, gets its mode there, and then its name by {@code
 * link}, which, unlike {@code rename}, never replaces what is there.
 */
final class ApiSocket implements Closeable {
  /** {@code sun_path} of Linux, without its NUL. */
  static final int LONGEST = 107;

  private static final Set<PosixFilePermission> OWNER =
      PosixFilePermissions.fromString("rw-------");

  private final Path path;
  private final ServerSocketChannel channel;
  private final @Nullable Object key;

  private ApiSocket(Path path, ServerSocketChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    this.key = key(path);
  }

  /**
   * Listens on a new socket.
   *
   * @throws IOException the path exists, is too long for a socket, or its directory cannot be
   *     written
   */
  static ApiSocket bind(Path path) throws IOException {
    Path directory = path.resolveSibling(".v" + unlikely());
    Path first = directory.resolve("s");
    int bytes = Math.max(bytes(path), bytes(first));
    if (bytes > LONGEST) {
      throw new IOException(
          "%s: too long for a socket: such a path has at most %d bytes, this one needs %d; a relative one may fit"
              .formatted(path, LONGEST, bytes));
    }
    if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      throw exists(path);
    }
    makePrivate(path, directory);
    ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    boolean done = false;
    try {
      channel.bind(UnixDomainSocketAddress.of(first));
      Files.setPosixFilePermissions(first, OWNER);
      link(path, first);
      done = true;
      return new ApiSocket(path, channel);
    } finally {
      if (!done) {
        channel.close();
      }
      Files.deleteIfExists(first);
      Files.deleteIfExists(directory);
    }
  }

  private static void makePrivate(Path path, Path directory) throws IOException {
    try {
      Files.createDirectory(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (NoSuchFileException e) {
      throw new IOException("%s: no such directory to make a socket in".formatted(path), e);
    } catch (FileSystemException e) {
      throw new IOException(
          "%s: cannot make a socket: %s"
              .formatted(path, Objects.requireNonNullElse(e.getReason(), "permission denied")),
          e);
    }
  }

  private static void link(Path path, Path first) throws IOException {
    try {
      Files.createLink(path, first);
    } catch (FileAlreadyExistsException e) {
      throw exists(path);
    } catch (FileSystemException | UnsupportedOperationException e) {
      throw new IOException(
          "%s: this file system cannot name a socket twice: try one in /run or /tmp"
              .formatted(path),
          e);
    }
  }

  private static IOException exists(Path path) {
    String what = "it is there already, and is not replaced";
    try (SocketChannel test = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      test.connect(UnixDomainSocketAddress.of(path));
      what = "somebody listens there already";
    } catch (IOException e) {
      if (Files.isRegularFile(path) || Files.isDirectory(path)) {
        return new IOException("%s: %s".formatted(path, what), e);
      }
      what = "it is there already, and nobody listens: left by one that was killed? Remove it then";
    }
    return new IOException("%s: %s".formatted(path, what));
  }

  private static String unlikely() {
    return Long.toString(new SecureRandom().nextLong() >>> 34, Character.MAX_RADIX);
  }

  private static int bytes(Path path) {
    return path.toString().getBytes(StandardCharsets.UTF_8).length;
  }

  private static @Nullable Object key(Path path) throws IOException {
    return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
        .fileKey();
  }

  SocketChannel accept() throws IOException {
    return channel.accept();
  }

  boolean isOpen() {
    return channel.isOpen();
  }

  /** Ends listening and takes the name away, if it is still this socket's. */
  @Override
  public void close() throws IOException {
    channel.close();
    try {
      if (Objects.equals(key, key(path))) {
        Files.deleteIfExists(path);
      }
    } catch (NoSuchFileException gone) {
      // somebody was tidy
    }
  }
}
