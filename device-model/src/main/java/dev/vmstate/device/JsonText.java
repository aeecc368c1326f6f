package dev.vmstate.device;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.vmstate.bytes.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * JSON as the text it is: each value with the bytes it stands in, so that one can be taken out or
 * replaced and every other byte stays. Values below a given depth are passed over until they are
 * asked for: the description of a guest with virtio-gpu has half a million.
 */
final class JsonText {
  private static final int MAX_DEPTH = 128;
  private static final int MAX_NODES = 1 << 21;
  private static final JsonFactory FACTORY = new JsonFactory();

  private final byte[] bytes;
  private final String place;
  private final long offset;
  private int nodes;

  /**
   * A document.
   *
   * @param offset where its first byte stands, for errors
   */
  JsonText(byte[] bytes, String place, long offset) {
    this.bytes = bytes;
    this.place = place;
    this.offset = offset;
  }

  /** A key and its value; {@code start} is the key's opening quote. */
  record Member(String key, int start, Node value) {}

  /** A value and where it stands. */
  static final class Node {
    private final int start;
    private int end;
    private @Nullable List<Member> members;
    private @Nullable List<Node> elements;
    private String text = "";

    private Node(int start) {
      this.start = start;
    }

    /** First byte. */
    int start() {
      return start;
    }

    /** First byte behind it. */
    int end() {
      return end;
    }

    /** Of an object that was read, else none. */
    List<Member> members() {
      return members == null ? List.of() : members;
    }

    /** Of an array that was read, else none. */
    List<Node> elements() {
      return elements == null ? List.of() : elements;
    }

    /** The value of the last member of that name: keys may repeat, and the last one counts. */
    Optional<Node> get(String key) {
      Optional<Node> found = Optional.empty();
      for (Member member : members()) {
        if (member.key().equals(key)) {
          found = Optional.of(member.value());
        }
      }
      return found;
    }

    /** How often the key stands. */
    long count(String key) {
      return members().stream().filter(member -> member.key().equals(key)).count();
    }

    /** A string's or number's value, empty text for everything else. */
    String text() {
      return text;
    }

    /** A string member's value, or the empty text. */
    String text(String key) {
      return get(key).map(Node::text).orElse("");
    }

    /** A member that is a number. */
    Optional<Node> number(String key) {
      return get(key).filter(node -> node.text.matches("-?\\d{1,18}"));
    }

    /** The value of a number that {@link #number} found. */
    long value() {
      return Long.parseLong(text);
    }
  }

  /** The whole document, what lies deeper than {@code depth} unread. */
  Node read(int depth) throws IOException {
    return read(0, bytes.length, depth);
  }

  /** All of a value that was passed over. */
  Node expand(Node node) throws IOException {
    return read(node.start, node.end, MAX_DEPTH);
  }

  private Node read(int from, int to, int depth) throws IOException {
    try (JsonParser parser = FACTORY.createParser(bytes, from, to - from)) {
      parser.nextToken();
      return node(parser, from, depth, 0);
    } catch (JsonProcessingException e) {
      throw new FormatException(place, offset + from, "no JSON: " + e.getOriginalMessage());
    }
  }

  /** The value the parser stands at. */
  private Node node(JsonParser parser, int base, int depth, int level) throws IOException {
    if (level > MAX_DEPTH || ++nodes > MAX_NODES) {
      throw new FormatException(place, offset, "JSON nested too deep, or too many values");
    }
    JsonToken token = parser.currentToken();
    if (token == null) {
      throw new FormatException(place, offset + base, "the JSON ends here");
    }
    Node node = new Node(base + (int) parser.currentTokenLocation().getByteOffset());
    switch (token) {
      case START_OBJECT, START_ARRAY -> {
        if (depth == 0) {
          parser.skipChildren();
        } else if (token == JsonToken.START_OBJECT) {
          node.members = members(parser, base, depth - 1, level + 1);
        } else {
          List<Node> elements = new ArrayList<>();
          while (next(parser, base) != JsonToken.END_ARRAY) {
            elements.add(node(parser, base, depth - 1, level + 1));
          }
          node.elements = elements;
        }
        node.end = base + (int) parser.currentTokenLocation().getByteOffset() + 1;
      }
      case VALUE_STRING -> {
        node.text = parser.getText();
        node.end = base + (int) parser.currentLocation().getByteOffset();
      }
      default -> {
        node.text = parser.getText();
        node.end = node.start + node.text.getBytes(StandardCharsets.UTF_8).length;
      }
    }
    return node;
  }

  private List<Member> members(JsonParser parser, int base, int depth, int level)
      throws IOException {
    List<Member> members = new ArrayList<>();
    while (next(parser, base) == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      int start = base + (int) parser.currentTokenLocation().getByteOffset();
      next(parser, base);
      members.add(new Member(key, start, node(parser, base, depth, level)));
    }
    return members;
  }

  private JsonToken next(JsonParser parser, int base) throws IOException {
    JsonToken token = parser.nextToken();
    if (token == null) {
      throw new FormatException(place, offset + base, "the JSON ends inside a value");
    }
    return token;
  }

  /** The text between two places. */
  String between(int from, int to) {
    return new String(bytes, from, to - from, StandardCharsets.UTF_8);
  }
}
