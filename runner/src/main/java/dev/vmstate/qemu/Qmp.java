package dev.vmstate.qemu;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * QEMU's machine protocol over one connection.
 *
 * <pre>
 * Session  ::= {"QMP": …} ({"execute": name, "arguments": …, "id": n} | Reply | Event)*
 * Reply    ::= {"return": …, "id": n} | {"error": {"class": …, "desc": …}, "id": n}
 * Event    ::= {"event": name, "data": …, "timestamp": …}
 * </pre>
 *
 * <p>Source: {@code docs/interop/qmp-spec.txt} (QEMU 7.2). QEMU writes one object per line. Events
 * come at any time, so a thread of its own reads and sorts; {@link #execute} is for one caller at a
 * time.
 */
public final class Qmp implements Closeable {
  /** No command used here works for long: migration goes on in the background. */
  private static final Duration REPLY = Duration.ofSeconds(60);

  private static final int LONGEST_LINE = 64 << 20;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Put into the queues when nothing more will come. */
  private static final Optional<JsonNode> END = Optional.empty();

  private final SocketChannel channel;
  private final LinkedBlockingQueue<Optional<JsonNode>> replies = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<Optional<JsonNode>> events = new LinkedBlockingQueue<>();
  private final String version;
  private long lastId;

  /** Takes over a connected socket: reads the greeting and leaves capability negotiation behind. */
  public Qmp(SocketChannel channel) throws IOException {
    this.channel = channel;
    Thread reader = new Thread(this::read, "qmp");
    reader.setDaemon(true);
    reader.start();
    JsonNode number = take(replies, REPLY, "greeting").path("QMP").path("version").path("qemu");
    if (number.isMissingNode()) {
      throw new QemuException("this is no QMP socket: it did not greet");
    }
    version =
        "%d.%d.%d"
            .formatted(
                number.path("major").asInt(),
                number.path("minor").asInt(),
                number.path("micro").asInt());
    execute("qmp_capabilities");
  }

  /** QEMU's version, e.g. {@code 7.2.22}. */
  public String version() {
    return version;
  }

  /** An empty object for a command's arguments. */
  public static ObjectNode arguments() {
    return JSON.createObjectNode();
  }

  /** Runs a command without arguments. */
  public JsonNode execute(String command) throws IOException {
    return execute(command, arguments());
  }

  /**
   * Runs a command and gives what it returns.
   *
   * @throws QemuException with QEMU's own description when it refuses
   */
  public synchronized JsonNode execute(String command, ObjectNode arguments) throws IOException {
    long id = ++lastId;
    ObjectNode request = JSON.createObjectNode().put("execute", command);
    if (!arguments.isEmpty()) {
      request.set("arguments", arguments);
    }
    request.put("id", id);
    ByteBuffer line = ByteBuffer.wrap((request + "\n").getBytes(StandardCharsets.UTF_8));
    try {
      while (line.hasRemaining()) {
        channel.write(line);
      }
    } catch (IOException e) {
      throw new QemuException(command + ": QEMU closed its control socket", e);
    }
    JsonNode reply = take(replies, REPLY, command);
    while (reply.path("id").asLong(-1) != id) {
      reply = take(replies, REPLY, command); // the late answer to a command given up on
    }
    JsonNode error = reply.get("error");
    if (error != null) {
      throw new QemuException(command + ": " + error.path("desc").asText());
    }
    return reply.path("return");
  }

  /** Runs a command of the human monitor and gives its text. */
  public String human(String commandLine) throws IOException {
    return execute("human-monitor-command", arguments().put("command-line", commandLine)).asText();
  }

  /**
   * The next event that fits; those before it are dropped.
   *
   * @return empty when none came in time
   * @throws QemuException when QEMU closed the socket
   */
  public Optional<JsonNode> event(Predicate<JsonNode> fits, Duration timeout) throws IOException {
    long until = System.nanoTime() + timeout.toNanos();
    while (true) {
      Optional<JsonNode> event = poll(events, Duration.ofNanos(until - System.nanoTime()));
      if (event.isEmpty() || fits.test(event.get())) {
        return event;
      }
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  private JsonNode take(
      LinkedBlockingQueue<Optional<JsonNode>> queue, Duration timeout, String what)
      throws IOException {
    try {
      return poll(queue, timeout)
          .orElseThrow(
              () ->
                  new QemuException(
                      "%s: no answer from QEMU in %d seconds"
                          .formatted(what, timeout.toSeconds())));
    } catch (QemuException e) {
      throw e.getMessage().startsWith(what) ? e : new QemuException(what + ": " + e.getMessage());
    }
  }

  private static Optional<JsonNode> poll(
      LinkedBlockingQueue<Optional<JsonNode>> queue, Duration timeout) throws IOException {
    try {
      Optional<JsonNode> next = queue.poll(Math.max(0, timeout.toNanos()), TimeUnit.NANOSECONDS);
      if (next == null) {
        return Optional.empty();
      }
      if (next.isEmpty()) {
        queue.add(END); // for whoever asks next
        throw new QemuException("QEMU closed its control socket");
      }
      return next;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new QemuException("interrupted while waiting for QEMU", e);
    }
  }

  private void read() {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try {
      while (channel.read(buffer.clear()) >= 0) {
        buffer.flip();
        while (buffer.hasRemaining()) {
          byte next = buffer.get();
          if (next == '\n') {
            sort(line.toByteArray());
            line.reset();
          } else if (line.size() < LONGEST_LINE) {
            line.write(next);
          }
        }
      }
    } catch (IOException e) {
      // closed by us or by QEMU's end: the same for whoever waits
    } finally {
      replies.add(END);
      events.add(END);
    }
  }

  private void sort(byte[] line) throws JsonProcessingException, IOException {
    if (line.length < 2) {
      return;
    }
    JsonNode message = JSON.readTree(line);
    (message.has("event") ? events : replies).add(Optional.of(message));
  }
}
