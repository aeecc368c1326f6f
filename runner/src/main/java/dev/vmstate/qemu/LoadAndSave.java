package dev.vmstate.qemu;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Progress;
import dev.vmstate.container.PlainContainer;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;

/**
 * Moves a snapshot into a QEMU and out again, through unix sockets in its private directory. The
 * guest does not run in between, so what comes out is QEMU's understanding of what went in.
 */
public final class LoadAndSave {
  private static final Duration CONNECT = Duration.ofSeconds(30);

  /** After the last byte: QEMU has everything and only finishes. */
  private static final Duration FINISH = Duration.ofMinutes(5);

  private static final int BUFFER = 1 << 20;

  /** Bytes per second: more than any socket gives. The default of QEMU 5.2 is 32 MiB. */
  private static final long MAX_BANDWIDTH = 1L << 40;

  private final QemuProcess qemu;
  private final Progress progress;

  /**
   * @param qemu started with {@link QemuProcess#startIncoming} to load, in any way to save
   * @param progress told how many bytes went in or came out
   */
  public LoadAndSave(QemuProcess qemu, Progress progress) {
    this.qemu = qemu;
    this.progress = progress;
  }

  /**
   * Loads a snapshot.
   *
   * @throws LoadRefusedException with QEMU's reason when it does not take it
   */
  public void load(StreamSnapshot snapshot) throws IOException {
    List<String> capabilities =
        snapshot.header().configuration().map(c -> c.capabilities()).orElse(List.of());
    if (snapshot.ram().isMapped() && snapshot.holder() instanceof PlainContainer file) {
      loadFile(file, capabilities);
    } else {
      load(snapshot.stream(), snapshot.layout().end(), capabilities);
    }
  }

  /** QEMU reads mapped-ram at the offsets of the file itself, so it is given the file. */
  private void loadFile(PlainContainer file, List<String> capabilities) throws IOException {
    MigrationWait migration = prepare(capabilities);
    Path path = file.source().file().toAbsolutePath();
    String uri = "file:%s,offset=0x%x".formatted(path, file.streamAt());
    try {
      qemu.qmp().execute("migrate-incoming", Qmp.arguments().put("uri", uri));
      migration.completed(FINISH);
    } catch (QemuException e) {
      throw new LoadRefusedException(qemu.reason(e), e);
    }
  }

  private MigrationWait prepare(List<String> capabilities) throws IOException {
    MigrationWait migration = new MigrationWait(qemu.qmp());
    migration.announce();
    for (String capability : capabilities) {
      migration.capability(capability);
    }
    return migration;
  }

  /**
   * Loads the first {@code length} bytes of a migration stream.
   *
   * @param capabilities those the stream was written with and the reader has to know of
   */
  void load(ByteSource stream, long length, List<String> capabilities) throws IOException {
    MigrationWait migration = prepare(capabilities);
    Path socket = qemu.path("incoming");
    qemu.qmp().execute("migrate-incoming", Qmp.arguments().put("uri", "unix:" + socket));
    try {
      send(stream, length, socket);
      migration.completed(FINISH);
    } catch (QemuException | BrokenStreamException e) {
      throw new LoadRefusedException(qemu.reason(e), e);
    }
  }

  /** QEMU stopped reading. Kept apart from errors of the disk the stream comes from. */
  private static final class BrokenStreamException extends IOException {
    private static final long serialVersionUID = 1L;

    BrokenStreamException(IOException cause) {
      super("QEMU stopped reading", cause);
    }
  }

  private void send(ByteSource stream, long length, Path socket) throws IOException {
    try (SocketChannel out = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      progress.start("loading into QEMU", length);
      ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
      for (long at = 0; at < length; at += buffer.limit()) {
        buffer.clear().limit((int) Math.min(BUFFER, length - at));
        stream.read(at, buffer);
        buffer.flip();
        try {
          while (buffer.hasRemaining()) {
            out.write(buffer);
          }
        } catch (IOException e) {
          throw new BrokenStreamException(e);
        }
        progress.at(at + buffer.limit());
      }
      // Without an end a stream that is cut short leaves QEMU waiting for more.
      out.shutdownOutput();
    }
  }

  /**
   * Saves the machine into a file, which is overwritten.
   *
   * @throws QemuException with QEMU's reason when it cannot be saved
   */
  public void save(Path file) throws IOException {
    MigrationWait migration = new MigrationWait(qemu.qmp());
    migration.announce();
    qemu.qmp()
        .execute("migrate-set-parameters", Qmp.arguments().put("max-bandwidth", MAX_BANDWIDTH));
    Path socket = qemu.path("outgoing");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      // Asked before: QEMU answers nothing while it waits for a reader of the device state, which
      // comes at once where there is next to no RAM.
      long expected = ramBytes();
      qemu.qmp().execute("migrate", Qmp.arguments().put("uri", "unix:" + socket));
      try (SocketChannel in = qemu.accept(server, CONNECT)) {
        receive(in, file, expected);
      }
      migration.completed(FINISH);
    } catch (QemuException e) {
      throw qemu.explain("QEMU does not save the machine", e);
    } finally {
      Files.deleteIfExists(socket);
    }
  }

  private void receive(SocketChannel in, Path file, long expected) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
    long total = 0;
    progress.start("saving from QEMU", expected);
    try (FileChannel out =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      while (in.read(buffer) >= 0) {
        buffer.flip();
        try {
          while (buffer.hasRemaining()) {
            total += out.write(buffer);
          }
        } catch (IOException e) {
          throw new IOException(file + ": " + e.getMessage(), e);
        }
        buffer.clear();
        progress.at(total);
      }
    }
  }

  /** What a save of a machine without any zero page would come to. */
  private long ramBytes() throws IOException {
    JsonNode memory = qemu.qmp().execute("query-memory-size-summary");
    return memory.path("base-memory").asLong() + memory.path("plugged-memory").asLong();
  }

  /**
   * The network cards as QEMU believes them to be now: {@code info network} for every model, and
   * what virtio-net filters by where there is one.
   */
  public String network() throws IOException {
    StringBuilder text = new StringBuilder(qemu.qmp().human("info network").strip());
    JsonNode filters = qemu.qmp().execute("query-rx-filter");
    for (JsonNode filter : filters) {
      text.append(
          "\n%s: main-mac=%s"
              .formatted(filter.path("name").asText(), filter.path("main-mac").asText()));
    }
    return text.toString();
  }
}
