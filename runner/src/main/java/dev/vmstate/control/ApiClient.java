package dev.vmstate.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/**
 * Asks the machine behind a socket. An answer is waited for as long as it takes: a snapshot may.
 */
public final class ApiClient {
  private static final int LONGEST = 16 << 20;

  private final Path socket;

  /** For the socket {@code --api} made. Nothing is opened before something is asked. */
  public ApiClient(Path socket) {
    this.socket = socket;
  }

  /** {@code vm.info}. */
  public JsonNode info() throws IOException {
    return ask("GET", "vm.info", "");
  }

  /** {@code vm.pause}. */
  public void pause() throws IOException {
    ask("PUT", "vm.pause", "");
  }

  /** {@code vm.resume}. */
  public void resume() throws IOException {
    ask("PUT", "vm.resume", "");
  }

  /** {@code vm.snapshot}, into a directory that the runner makes. */
  public void snapshot(Path directory) throws IOException {
    JsonNode body =
        JsonNodeFactory.instance
            .objectNode()
            .put("directory", directory.toAbsolutePath().normalize().toString());
    ask("PUT", "vm.snapshot", body.toString());
  }

  /** {@code vm.shutdown}. */
  public void end() throws IOException {
    ask("PUT", "vm.shutdown", "");
  }

  /** The answer's JSON; a missing node when it has none. */
  private JsonNode ask(String method, String verb, String body) throws IOException {
    byte[] content = body.getBytes(StandardCharsets.UTF_8);
    String head =
        "%s /api/v1/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            .formatted(method, verb, content.length);
    String answer;
    try (SocketChannel channel = connect()) {
      write(channel, head.getBytes(StandardCharsets.US_ASCII));
      write(channel, content);
      answer = rest(channel);
    }
    int blank = answer.indexOf("\r\n\r\n");
    if (!answer.matches("(?s)HTTP/1\\.[01] [0-9]{3} .*") || blank < 0) {
      throw new IOException(
          answer.isEmpty()
              ? socket + ": hung up without an answer: has the machine ended?"
              : socket + ": what answers there does not speak HTTP");
    }
    int status = Integer.parseInt(answer.substring(9, 12));
    JsonNode json;
    try {
      json = JsonMapper.builder().build().readTree(answer.substring(blank + 4));
    } catch (JsonProcessingException e) {
      throw new IOException("%s: the answer is no JSON".formatted(socket), e);
    }
    if (status / 100 != 2) {
      throw new IOException(
          "%s: %s".formatted(socket, json.path("error").asText("status " + status)));
    }
    return json;
  }

  private SocketChannel connect() throws IOException {
    if (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException(
          "%s: no such socket: it is the PATH of 'run --api PATH', and gone when the machine has ended"
              .formatted(socket));
    }
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(UnixDomainSocketAddress.of(socket));
      return channel;
    } catch (IOException e) {
      channel.close();
      throw new IOException(
          "%s: no machine listens there (%s)".formatted(socket, e.getMessage()), e);
    }
  }

  private static void write(SocketChannel channel, byte[] bytes) throws IOException {
    ByteBuffer left = ByteBuffer.wrap(bytes);
    while (left.hasRemaining()) {
      channel.write(left);
    }
  }

  private String rest(SocketChannel channel) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    ByteBuffer some = ByteBuffer.allocate(8 << 10);
    while (channel.read(some.clear()) >= 0) {
      all.write(some.array(), 0, some.position());
      if (all.size() > LONGEST) {
        throw new IOException("%s: an answer of more than %d bytes".formatted(socket, LONGEST));
      }
    }
    return all.toString(StandardCharsets.UTF_8);
  }
}
