package dev.vmstate.qemu;

import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A QEMU this process started, paused, with a control socket in a private directory. Closing ends
 * it: first by asking, then by signal; so does the end of the JVM. No other process is touched.
 */
public final class QemuProcess implements Closeable {
  private static final Duration START = Duration.ofSeconds(60);
  private static final Duration QUIT = Duration.ofSeconds(5);

  /** {@code sun_path} of Linux, without its NUL. */
  private static final int LONGEST_SOCKET_PATH = 107;

  private final Path directory;
  private final Process process;
  private final LastWords said;
  private final Thread atExit;
  private @Nullable Qmp qmp;
  private boolean closed;

  private QemuProcess(Path directory, Process process) {
    this.directory = directory;
    this.process = process;
    this.said = new LastWords(process.getInputStream());
    this.atExit = new Thread(this::endWithoutAsking, "end-qemu");
    Runtime.getRuntime().addShutdownHook(atExit);
  }

  /** Starts a machine that waits for a snapshot to come in. */
  public static QemuProcess startIncoming(QemuCommand command) throws IOException {
    return start(command, List.of("-incoming", "defer"));
  }

  /** Starts a machine as it is after power-on, before its first instruction. */
  public static QemuProcess startFresh(QemuCommand command) throws IOException {
    return start(command, List.of());
  }

  private static QemuProcess start(QemuCommand command, List<String> more) throws IOException {
    Path directory = privateDirectory();
    QemuProcess started = null;
    // QEMU connects to us, not we to it: then nothing has to be tried until its socket is there.
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      Path socket = directory.resolve("qmp");
      server.bind(UnixDomainSocketAddress.of(socket));
      List<String> words = new ArrayList<>(more);
      words.addAll(List.of("-qmp", "unix:" + socket.toString().replace(",", ",,")));
      ProcessBuilder builder =
          new ProcessBuilder(command.paused(words))
              .redirectInput(new File("/dev/null"))
              .redirectErrorStream(true);
      try {
        started = new QemuProcess(directory, builder.start());
      } catch (IOException e) {
        throw notStarted(command.words().get(0), e);
      }
      started.qmp = new Qmp(started.accept(server, START));
      return started;
    } catch (IOException e) {
      if (started == null) {
        delete(directory);
        throw e;
      }
      try (QemuProcess failed = started) {
        throw failed.explain("QEMU did not start", e);
      }
    }
  }

  static QemuException notStarted(String program, IOException why) {
    return new QemuException(
        "cannot start %s: is QEMU installed and the name right? (%s)"
            .formatted(program, why.getMessage()),
        why);
  }

  /** Mode 700, on a path short enough for a socket. */
  private static Path privateDirectory() throws IOException {
    var mode = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    Path directory = Files.createTempDirectory("vmstate-qemu-", mode);
    int length = directory.resolve("incoming").toString().getBytes(StandardCharsets.UTF_8).length;
    if (length > LONGEST_SOCKET_PATH) {
      Files.delete(directory);
      directory = Files.createTempDirectory(Path.of("/tmp"), "vmstate-qemu-", mode);
    }
    return directory;
  }

  /** The control connection. */
  public Qmp qmp() {
    return Objects.requireNonNull(qmp, "not connected");
  }

  /** A path in the private directory, for a socket. */
  Path path(String name) {
    return directory.resolve(name);
  }

  /** What QEMU printed last. */
  public String output() {
    return said.text();
  }

  /** Its process id. */
  long pid() {
    return process.pid();
  }

  /** Whether it still runs. */
  boolean alive() {
    return process.isAlive();
  }

  /**
   * Waits for QEMU to connect.
   *
   * @throws QemuException when it ends or stays away instead
   */
  SocketChannel accept(ServerSocketChannel server, Duration timeout) throws IOException {
    CompletableFuture<Boolean> over =
        process
            .onExit()
            .thenApply(ended -> true)
            .completeOnTimeout(false, timeout.toMillis(), TimeUnit.MILLISECONDS);
    CompletableFuture<Void> closing = over.thenRun(() -> closeQuietly(server));
    try {
      return server.accept();
    } catch (ClosedChannelException e) {
      throw new QemuException(
          process.isAlive()
              ? "QEMU did not connect in %d seconds".formatted(timeout.toSeconds())
              : "QEMU ended");
    } finally {
      over.cancel(false);
      closing.cancel(false);
    }
  }

  private static void closeQuietly(Closeable open) {
    try {
      open.close();
    } catch (IOException e) {
      // the accept it interrupts is what counts
    }
  }

  /** Makes one line out of what went wrong and what QEMU said about it. */
  QemuException explain(String what, IOException cause) {
    return new QemuException(what + ": " + reason(cause), cause);
  }

  /** What QEMU said last, or how it ended, or else what the cause says. */
  String reason(IOException cause) {
    boolean ended = ends(Duration.ofMillis(500));
    if (ended) {
      said.finish();
    }
    String words = said.oneLine();
    if (!words.isEmpty()) {
      return words;
    }
    return ended
        ? "it ended with status " + process.exitValue()
        : String.valueOf(cause.getMessage());
  }

  private boolean ends(Duration timeout) {
    try {
      return process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Asks QEMU to quit and sees to it that it does. */
  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    try {
      if (process.isAlive() && qmp != null) {
        qmp.execute("quit");
      }
    } catch (IOException e) {
      // it closes the socket on its way out
    }
    try {
      if (qmp == null || !ends(QUIT)) {
        endWithoutAsking();
      }
    } finally {
      if (qmp != null) {
        qmp.close();
      }
      forgetAtExit();
      delete(directory);
    }
  }

  private void endWithoutAsking() {
    process.destroy();
    if (!ends(QUIT)) {
      process.destroyForcibly();
      ends(QUIT);
    }
  }

  private void forgetAtExit() {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // the JVM is on its way out already: the hook does its work
    }
  }

  private static void delete(Path directory) throws IOException {
    try (var files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(directory);
  }
}
