package dev.vmstate.cli.guest;

import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * A socket that QEMU migrates to. What comes through each connection is kept in a file, {@code
 * channel-0} for the first, and goes on to another QEMU if there is one, whose answers go back.
 */
final class Tap implements Closeable {
  private final Path folder;
  private final Path sockets;
  private final ServerSocketChannel server;
  private final Optional<Path> target;
  private final ExecutorService threads = Executors.newCachedThreadPool();

  private Tap(Path folder, Path sockets, Optional<Path> target) throws IOException {
    this.folder = folder;
    this.sockets = sockets;
    this.target = target;
    this.server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(sockets.resolve("tap")));
    threads.submit(this::accept);
  }

  /** Nobody answers. */
  static Tap into(Path folder) throws IOException {
    return new Tap(folder, Files.createTempDirectory("vmstate-tap-"), Optional.empty());
  }

  /** {@code target} takes what comes, and answers. */
  static Tap between(Path folder, Machine target) throws IOException {
    Path sockets = Files.createTempDirectory("vmstate-tap-");
    Path incoming = sockets.resolve("incoming");
    target.listen("unix:" + incoming);
    return new Tap(folder, sockets, Optional.of(incoming));
  }

  String uri() {
    return "unix:" + sockets.resolve("tap");
  }

  private Void accept() throws IOException {
    for (int i = 0; ; i++) {
      SocketChannel source = server.accept();
      Path file = folder.resolve("channel-" + i);
      if (target.isPresent()) {
        SocketChannel onward = SocketChannel.open(UnixDomainSocketAddress.of(target.get()));
        threads.submit(() -> pass(source, Optional.of(onward), Files.newOutputStream(file)));
        threads.submit(() -> pass(onward, Optional.of(source), OutputStream.nullOutputStream()));
      } else {
        threads.submit(() -> pass(source, Optional.empty(), Files.newOutputStream(file)));
      }
    }
  }

  private static Void pass(SocketChannel from, Optional<SocketChannel> to, OutputStream copy)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
    try (copy) {
      while (from.read(buffer.clear()) >= 0) {
        copy.write(buffer.array(), 0, buffer.position());
        buffer.flip();
        while (to.isPresent() && buffer.hasRemaining()) {
          to.get().write(buffer);
        }
      }
    }
    if (to.isPresent()) {
      to.get().shutdownOutput();
    } else {
      from.close();
    }
    return null;
  }

  /** Waits until all connections are at their end. */
  @Override
  public void close() throws IOException {
    server.close();
    threads.shutdown();
    try {
      if (!threads.awaitTermination(1, TimeUnit.MINUTES)) {
        throw new IOException("a connection stays open");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    } finally {
      threads.shutdownNow();
      SharedFolder.delete(sockets);
    }
  }
}
