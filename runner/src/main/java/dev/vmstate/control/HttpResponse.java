package dev.vmstate.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * What a request is answered with.
 *
 * @param status RFC 9110's number
 * @param allow the methods a path knows, when it was asked with another one; else empty
 * @param json one line of JSON, or empty
 */
record HttpResponse(int status, String allow, String json) {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private static final Map<Integer, String> REASONS =
      Map.ofEntries(
          Map.entry(200, "OK"),
          Map.entry(204, "No Content"),
          Map.entry(400, "Bad Request"),
          Map.entry(404, "Not Found"),
          Map.entry(405, "Method Not Allowed"),
          Map.entry(408, "Request Timeout"),
          Map.entry(409, "Conflict"),
          Map.entry(411, "Length Required"),
          Map.entry(413, "Content Too Large"),
          Map.entry(417, "Expectation Failed"),
          Map.entry(431, "Request Header Fields Too Large"),
          Map.entry(500, "Internal Server Error"),
          Map.entry(503, "Service Unavailable"),
          Map.entry(505, "HTTP Version Not Supported"));

  /** Done, and nothing to say. */
  static final HttpResponse DONE = new HttpResponse(204, "", "");

  static HttpResponse of(JsonNode facts) {
    return new HttpResponse(200, "", line(facts));
  }

  /** {@code {"error": "…"}}: the text is one line. */
  static HttpResponse error(int status, String text) {
    String oneLine = text.replaceAll("\\s*\\R\\s*", " ");
    return new HttpResponse(
        status, "", line(JsonNodeFactory.instance.objectNode().put("error", oneLine)));
  }

  static HttpResponse notAllowed(String method, String path, String allow) {
    HttpResponse error =
        error(405, "%s is asked with %s, not with %s".formatted(path, allow, method));
    return new HttpResponse(405, allow, error.json());
  }

  private static String line(JsonNode node) {
    try {
      return JSON.writeValueAsString(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * As it is sent.
   *
   * @param last says that the connection is closed behind it
   * @param withBody not for HEAD, whose answer has the headers alone
   */
  ByteBuffer encode(boolean last, boolean withBody) {
    byte[] body = json.isEmpty() ? new byte[0] : (json + "\n").getBytes(StandardCharsets.UTF_8);
    StringBuilder head = new StringBuilder();
    head.append("HTTP/1.1 %d %s\r\n".formatted(status, REASONS.getOrDefault(status, "Unknown")));
    head.append("Server: vmstate\r\n");
    head.append("Connection: ").append(last ? "close" : "keep-alive").append("\r\n");
    if (!allow.isEmpty()) {
      head.append("Allow: ").append(allow).append("\r\n");
    }
    if (status != 204) {
      head.append("Content-Type: application/json\r\n");
      head.append("Content-Length: ").append(body.length).append("\r\n");
    }
    byte[] start = head.append("\r\n").toString().getBytes(StandardCharsets.US_ASCII);
    ByteBuffer all = ByteBuffer.allocate(start.length + body.length).put(start);
    if (withBody) {
      all.put(body);
    }
    return all.flip();
  }
}
