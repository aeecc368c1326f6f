package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.qemu.Qmp;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Migrations between two machines, recorded on their way: what is in the file is not the whole
 * machine, and the file is refused by what it is.
 */
@Tag("qemu")
class CapturedStreamTest {
  /** A stopped machine that has only its firmware sends this much in any case. */
  private static final long SOME = 100_000;

  @TempDir private Path folder;

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "multifd, a multifd stream",
    "postcopy-ram, a post-copy stream",
    "x-colo, a COLO stream",
  })
  void aRecordedMigrationIsRefusedByName(String capability, String reason) throws Exception {
    refused(GuestMachine.hostQemu(), capability, reason);
  }

  @Tag("matrix")
  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({
    "5.2, multifd, a multifd stream",
    "10.0, multifd, a multifd stream",
    "11.1, multifd, a multifd stream",
    "11.1, postcopy-ram, a post-copy stream",
  })
  void otherQemusAreRefusedToo(String version, String capability, String reason) throws Exception {
    refused(GuestMachine.cachedQemu(version), capability, reason);
  }

  private void refused(List<String> qemu, String capability, String reason) throws Exception {
    Path file = folder.resolve(capability + ".mig");
    List<String> words = new GuestMachine(qemu, "pc", "64M").words();
    try (Recorder recorder = new Recorder(folder.resolve("socket"), file);
        Machine machine = Machine.fresh(words)) {
      machine.capabilities(List.of(capability));
      machine.startSaving("unix:" + folder.resolve("socket"));
      // Only multifd comes to an end without an answer from the other side.
      machine.awaitMigration(state -> !capability.equals("multifd") && recorder.bytes() > SOME);
      if (!capability.equals("multifd")) {
        machine.qmp().execute("migrate_cancel", Qmp.arguments());
      }
    }
    for (List<Object> command : List.of(List.<Object>of("info", file), extract(file))) {
      Vmstate run = Vmstate.attempt(command.toArray());
      assertEquals(1, run.status(), run::out);
      assertTrue(run.err().contains(reason), run::err);
      assertTrue(run.err().contains("at offset 0x"), run::err);
    }
  }

  private List<Object> extract(Path file) {
    return List.of("extract", file, "-o", folder.resolve("out"));
  }

  /** Takes what comes through a socket: the first connection into a file, the others nowhere. */
  private static final class Recorder implements Closeable {
    private final ServerSocketChannel server;
    private final Path file;

    Recorder(Path socket, Path file) throws IOException {
      this.file = Files.createFile(file);
      server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      server.bind(UnixDomainSocketAddress.of(socket));
      daemon(this::accept);
    }

    private static void daemon(Runnable work) {
      Thread thread = new Thread(work);
      thread.setDaemon(true);
      thread.start();
    }

    private void accept() {
      try {
        for (boolean first = true; ; first = false) {
          SocketChannel connection = server.accept();
          boolean kept = first;
          daemon(() -> take(connection, kept));
        }
      } catch (ClosedChannelException e) {
        return; // the test is over
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private void take(SocketChannel connection, boolean kept) {
      ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
      try (connection;
          FileChannel out = FileChannel.open(file, StandardOpenOption.WRITE)) {
        while (connection.read(buffer.clear()) >= 0) {
          buffer.flip();
          while (kept && buffer.hasRemaining()) {
            out.write(buffer);
          }
        }
      } catch (IOException e) {
        return; // QEMU has ended
      }
    }

    long bytes() {
      try {
        return Files.size(file);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() throws IOException {
      server.close();
    }
  }
}
