package dev.vmstate.control;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Requests of HTTP/1.1 and 1.0 (RFC 9112), one after another as a client pipelines them:
 *
 * <pre>
 * request  ::= method SP target SP version CRLF (name ":" OWS value OWS CRLF)* CRLF body
 * method   ::= token          target ::= "/"... | "http://"host"/"...      version ::= HTTP/1.1 | HTTP/1.0
 * body     ::= Content-Length bytes of UTF-8
 * </pre>
 *
 * <p>What two readers could understand differently is refused, not guessed: bare line feeds, folded
 * lines, a second Content-Length, spaces before a colon, bodies without a length (chunked). Head
 * and body have limits and must be there in time, so that a slow client keeps no place for long.
 */
final class HttpReader {
  /** Bytes of request line and headers. */
  static final int HEAD = 8 << 10;

  /** Bytes of a body: the longest of ours is a path. */
  static final int BODY = 64 << 10;

  private static final List<String> VERSIONS = List.of("HTTP/1.1", "HTTP/1.0");

  private static final String BARE = "a line of a request ends with CR LF";

  private final TimedChannel channel;
  private final Duration idle;
  private final Duration slow;

  /** What was read and belongs to no request yet; always ready to be taken from. */
  private final ByteBuffer ahead = ByteBuffer.allocate(HEAD + BODY).limit(0);

  /**
   * @param idle how long a client may wait with its next request
   * @param slow how long it may take from a request's first byte to its last
   */
  HttpReader(TimedChannel channel, Duration idle, Duration slow) {
    this.channel = channel;
    this.idle = idle;
    this.slow = slow;
  }

  /**
   * The next request; empty when the client has no more, or says nothing for too long.
   *
   * @throws HttpFault what cannot be understood
   */
  Optional<HttpRequest> next() throws IOException {
    if (!ahead.hasRemaining() && !someByte()) {
      return Optional.empty();
    }
    long deadline = System.nanoTime() + slow.toNanos();
    int end = head(deadline);
    if (end < 0) {
      return Optional.empty();
    }
    byte[] bytes = new byte[end];
    ahead.get(bytes).position(ahead.position() + 4);
    for (byte b : bytes) {
      if (b < 0x20 && b != '\r' && b != '\n' && b != '\t' || b == 0x7f) {
        throw new HttpFault(
            400, "a request has no control characters, this one has 0x%02x".formatted(b & 0xff));
      }
    }
    List<String> lines = List.of(new String(bytes, StandardCharsets.ISO_8859_1).split("\r\n", -1));
    for (String line : lines) {
      if (line.indexOf('\r') >= 0 || line.indexOf('\n') >= 0) {
        throw new HttpFault(400, BARE);
      }
    }
    String[] words = lines.get(0).split(" ", -1);
    if (words.length != 3 || !isToken(words[0])) {
      throw new HttpFault(400, "the first line of a request is METHOD PATH HTTP/1.1");
    }
    if (!VERSIONS.contains(words[2])) {
      boolean http = words[2].startsWith("HTTP/");
      throw new HttpFault(http ? 505 : 400, "HTTP/1.1 or HTTP/1.0 is spoken here");
    }
    Map<String, String> headers = headers(lines.subList(1, lines.size()));
    boolean old = words[2].equals("HTTP/1.0");
    if (!old && !headers.containsKey("host")) {
      throw new HttpFault(400, "HTTP/1.1 wants a Host header (any will do)");
    }
    String connection = headers.getOrDefault("connection", "").toLowerCase(Locale.ROOT);
    boolean last = old ? !connection.contains("keep-alive") : connection.contains("close");
    return Optional.of(new HttpRequest(words[0], path(words[1]), body(headers, deadline), last));
  }

  private boolean someByte() throws IOException {
    try {
      return more(System.nanoTime() + idle.toNanos());
    } catch (SocketTimeoutException e) {
      return false;
    }
  }

  /** Reads on behind what is there. */
  private boolean more(long deadline) throws IOException {
    ahead.compact();
    try {
      return channel.read(ahead, deadline) > 0;
    } finally {
      ahead.flip();
    }
  }

  /** Bytes of the head without its empty line; -1 when the client left before its end. */
  private int head(long deadline) throws IOException {
    int seen = 0;
    while (true) {
      // RFC 9112, 2.2: an empty line before a request is passed over.
      while (ahead.remaining() >= 2 && at(0) == '\r' && at(1) == '\n') {
        ahead.position(ahead.position() + 2);
        seen = 0;
      }
      for (; seen + 4 <= Math.min(ahead.remaining(), HEAD); seen++) {
        if (at(seen) == '\r'
            && at(seen + 1) == '\n'
            && at(seen + 2) == '\r'
            && at(seen + 3) == '\n') {
          return seen;
        }
        if (at(seen) == '\n' && (seen == 0 || at(seen - 1) != '\r')) {
          // printf 'GET …\n\n' | nc -U: told at once, not when time is up
          throw new HttpFault(400, BARE);
        }
      }
      if (ahead.remaining() >= HEAD) {
        throw new HttpFault(431, "request line and headers have at most %d bytes".formatted(HEAD));
      }
      if (!more(deadline)) {
        return -1;
      }
    }
  }

  private byte at(int i) {
    return ahead.get(ahead.position() + i);
  }

  private static Map<String, String> headers(List<String> lines) throws HttpFault {
    Map<String, String> headers = new HashMap<>();
    for (String line : lines) {
      int colon = line.indexOf(':');
      if (colon < 0 || !isToken(line.substring(0, colon))) {
        throw new HttpFault(400, "a header is NAME: VALUE on a line of its own");
      }
      String name = line.substring(0, colon).toLowerCase(Locale.ROOT);
      String value = line.substring(colon + 1).strip();
      String before = headers.put(name, value);
      if (before != null && (name.equals("content-length") || name.equals("host"))) {
        throw new HttpFault(400, name + " is there twice");
      }
      if (before != null) {
        headers.put(name, before + ", " + value);
      }
    }
    return headers;
  }

  private static boolean isToken(String text) {
    return !text.isEmpty()
        && text.chars()
            .allMatch(
                c ->
                    c >= '0' && c <= '9'
                        || c >= 'a' && c <= 'z'
                        || c >= 'A' && c <= 'Z'
                        || "!#$%&'*+-.^_`|~".indexOf(c) >= 0);
  }

  /** RFC 9112, 3.2.2: a server takes the whole URI as well. */
  private static String path(String target) throws HttpFault {
    String rest = target;
    if (target.toLowerCase(Locale.ROOT).startsWith("http://")) {
      int slash = target.indexOf('/', "http://".length());
      rest = slash < 0 ? "/" : target.substring(slash);
    }
    if (!rest.startsWith("/")) {
      throw new HttpFault(400, "a path starts with /");
    }
    return rest;
  }

  private String body(Map<String, String> headers, long deadline) throws IOException {
    if (headers.containsKey("transfer-encoding")) {
      throw new HttpFault(411, "bodies are sent with a Content-Length, not in chunks");
    }
    String text = headers.getOrDefault("content-length", "0");
    if (!text.matches("[0-9]{1,18}")) {
      throw new HttpFault(400, "Content-Length is a number");
    }
    long length = Long.parseLong(text);
    if (length > BODY) {
      throw new HttpFault(413, "a body has at most %d bytes".formatted(BODY));
    }
    String expect = headers.getOrDefault("expect", "");
    if (!expect.isEmpty() && !expect.equalsIgnoreCase("100-continue")) {
      throw new HttpFault(417, "nothing but 100-continue can be expected");
    }
    if (!expect.isEmpty() && ahead.remaining() < length) {
      channel.write(
          ByteBuffer.wrap("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII)),
          deadline);
    }
    while (ahead.remaining() < length) {
      if (!more(deadline)) {
        throw new HttpFault(
            400, "the body ends after %d of %d bytes".formatted(ahead.remaining(), length));
      }
    }
    byte[] body = new byte[(int) length];
    ahead.get(body);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
    } catch (CharacterCodingException e) {
      throw new HttpFault(400, "the body is no UTF-8");
    }
  }
}
