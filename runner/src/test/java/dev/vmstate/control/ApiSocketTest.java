package dev.vmstate.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApiSocketTest {
  @TempDir Path directory;

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void theSocketIsItsOwnersAloneAndNothingElseIsLeftBesideIt() throws Exception {
    Path path = directory.resolve("api");
    try (ApiSocket socket = ApiSocket.bind(path)) {
      assertTrue(socket.isOpen());
      assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
      assertEquals(List.of("api"), names());
      try (SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
        client.connect(UnixDomainSocketAddress.of(path));
        socket.accept().close();
      }
    }
    assertFalse(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
  }

  @Test
  void whatIsThereIsNotReplaced() throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "mine");
    Path folder = Files.createDirectory(directory.resolve("folder"));
    Path dangling = Files.createSymbolicLink(directory.resolve("link"), Path.of("nowhere"));
    for (Path taken : new Path[] {file, folder, dangling}) {
      String message = assertThrows(IOException.class, () -> ApiSocket.bind(taken)).getMessage();
      assertTrue(message.startsWith(taken + ": it is there already"), message);
    }
    assertEquals("mine", Files.readString(file));
    assertTrue(Files.isSymbolicLink(dangling));
    assertFalse(Files.exists(directory.resolve("nowhere")));
    assertEquals(List.of("file", "folder", "link"), names());
  }

  @Test
  void aSocketSaysWhetherSomebodyListens() throws Exception {
    Path path = directory.resolve("api");
    ServerSocketChannel old = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    old.bind(UnixDomainSocketAddress.of(path));
    assertEquals(
        path + ": somebody listens there already",
        assertThrows(IOException.class, () -> ApiSocket.bind(path)).getMessage());
    old.close();
    assertEquals(
        path
            + ": it is there already, and nobody listens: left by one that was killed? Remove it then",
        assertThrows(IOException.class, () -> ApiSocket.bind(path)).getMessage());
  }

  @Test
  void aPathThatIsTooLongSaysByHowMuch() {
    Path path = directory.resolve("a".repeat(120));
    String message = assertThrows(IOException.class, () -> ApiSocket.bind(path)).getMessage();
    assertEquals(
        "%s: too long for a socket: such a path has at most 107 bytes, this one needs %d; a relative one may fit"
            .formatted(path, path.toString().length()),
        message);
  }

  @Test
  void withoutADirectoryThereIsNoSocket() {
    Path path = directory.resolve("none/api");
    assertEquals(
        path + ": no such directory to make a socket in",
        assertThrows(IOException.class, () -> ApiSocket.bind(path)).getMessage());
  }

  @Test
  void whatSomebodyElsePutInItsPlaceStays() throws Exception {
    Path path = directory.resolve("api");
    try (ApiSocket socket = ApiSocket.bind(path)) {
      assertTrue(socket.isOpen());
      Files.delete(path);
      Files.writeString(path, "theirs");
    }
    assertEquals("theirs", Files.readString(path));
  }
}
