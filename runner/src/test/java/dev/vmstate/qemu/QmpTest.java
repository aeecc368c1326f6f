package dev.vmstate.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QmpTest {
  private static final String GREETING =
      "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}}}}\r\n";

  @TempDir Path dir;

  /** A QEMU that says these things, whatever it is asked, and hangs up. */
  private Qmp saying(String... messages) throws IOException {
    Path socket = dir.resolve("qmp");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket));
      try (SocketChannel qemu = server.accept()) {
        for (String message : List.of(messages)) {
          qemu.write(ByteBuffer.wrap(message.getBytes(StandardCharsets.UTF_8)));
        }
        qemu.shutdownOutput();
        return new Qmp(client);
      }
    }
  }

  @Test
  void greetsAndTellsEventsFromReplies() throws IOException {
    try (Qmp qmp =
        saying(
            GREETING,
            "{\"return\": {}, \"id\": 1}\r\n",
            "{\"event\": \"STOP\", \"data\": {}}\r\n{\"event\": \"MIG",
            "RATION\", \"data\": {\"status\": \"active\"}}\r\n")) {
      assertEquals("7.2.22", qmp.version());
      assertEquals(
          "active",
          qmp.event(e -> e.path("event").asText().equals("MIGRATION"), Duration.ofSeconds(5))
              .orElseThrow()
              .path("data")
              .path("status")
              .asText());
    }
  }

  @Test
  void passesQemusRefusalOn() throws IOException {
    QemuException refused =
        assertThrows(
            QemuException.class,
            () ->
                saying(
                    GREETING,
                    "{\"id\": 1, \"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}\r\n"));
    assertEquals("qmp_capabilities: no", refused.getMessage());
  }

  @Test
  void saysWhenQemuHangsUp() throws IOException {
    QemuException gone = assertThrows(QemuException.class, () -> saying(GREETING));
    assertTrue(gone.getMessage().startsWith("qmp_capabilities: "), gone.getMessage());
    assertTrue(gone.getMessage().contains("closed its control socket"), gone.getMessage());
  }

  @Test
  void refusesASocketThatSpeaksSomethingElse() {
    QemuException other = assertThrows(QemuException.class, () -> saying("{\"a\": 1}\n"));
    assertEquals("this is no QMP socket: it did not greet", other.getMessage());
  }
}
