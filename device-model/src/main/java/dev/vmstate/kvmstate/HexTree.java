package dev.vmstate.kvmstate;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.Field;
import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * JSON whose strings are hexadecimal digits, as a tree of fields over the bytes the digits stand
 * for. Bytes are counted in the order of the text; the digits of a number stand for its bytes from
 * the last to the first, as the machine has them.
 */
final class HexTree {
  private static final int MAX_DEPTH = 16;

  /** A vCPU has about 800: three hundred of them, in a heap of 256 MiB. */
  private static final int MAX_VALUES = 1 << 18;

  private static final JsonFactory FACTORY =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final String name;
  private final HexBytes bytes;
  private @Nullable Node root;
  private final byte[] text;
  private int values;

  private HexTree(String name, byte[] text) {
    this.name = name;
    this.text = text;
    this.bytes = new HexBytes(name);
  }

  /** Something in the text. */
  final class Node {
    private final int at;
    private final @Nullable Field field;
    private Map<String, Node> members = Map.of();
    private List<Node> elements = List.of();
    private String words = "";

    private Node(int at, @Nullable Field field) {
      this.at = at;
      this.field = field;
    }

    /** The field it is, unless it holds no digits. */
    @Nullable Field field() {
      return field;
    }

    /** Members of an object, in their order. */
    Map<String, Node> members() {
      return members;
    }

    /** Elements of an array of objects. */
    List<Node> elements() {
      return elements;
    }

    /** A member that has to be there. */
    Node child(String member) throws FormatException {
      Node found = members.get(member);
      if (found == null) {
        throw bad(this, "no \"%s\"".formatted(member));
      }
      return found;
    }

    /** The text of a member. */
    String words(String member) throws FormatException {
      return child(member).words;
    }

    /** A member that is a number of JSON's own. */
    long integer(String member) throws FormatException {
      Node found = child(member);
      try {
        return Long.parseLong(found.words);
      } catch (NumberFormatException e) {
        throw bad(found, "a number was expected");
      }
    }

    /** A member that is a number in hexadecimal digits. */
    long number(String member) throws FormatException {
      Node found = child(member);
      if (found.field instanceof Field.Scalar scalar) {
        return scalar.value();
      }
      throw bad(found, "\"0x…\" was expected");
    }
  }

  static HexTree parse(String name, byte[] text) throws IOException {
    if (text.length > StateDocument.MOST_TEXT) {
      throw new FormatException(name, 0, "0x%x bytes are too many".formatted(text.length));
    }
    HexTree tree = new HexTree(name, text);
    try (JsonParser parser = FACTORY.createParser(text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new FormatException(name, 0, "no JSON object");
      }
      tree.root = tree.object(parser, "", -1, 0);
      if (parser.nextToken() != null) {
        throw new FormatException(name, at(parser), "more text behind the end");
      }
    } catch (JsonProcessingException e) {
      long where = e.getLocation() == null ? 0 : Math.max(0, e.getLocation().getByteOffset());
      throw new FormatException(name, where, "JSON: " + e.getOriginalMessage());
    }
    return tree;
  }

  Node root() {
    if (root == null) {
      throw new IllegalStateException("not parsed");
    }
    return root;
  }

  ByteSource bytes() {
    return bytes;
  }

  List<Patch> inText(Patch patch) {
    return bytes.inText(patch);
  }

  FormatException bad(Node node, String what) {
    return new FormatException(name, node.at, what);
  }

  private static int at(JsonParser parser) {
    return (int) parser.currentTokenLocation().getByteOffset();
  }

  private Node object(JsonParser parser, String label, int index, int depth) throws IOException {
    int start = at(parser);
    if (depth == MAX_DEPTH) {
      throw new FormatException(name, start, "nested more than %d deep".formatted(MAX_DEPTH));
    }
    long from = bytes.size();
    Map<String, Node> members = new LinkedHashMap<>();
    List<Field> fields = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String member = parser.currentName();
      parser.nextToken();
      Node node = value(parser, member, depth + 1);
      members.put(member, node);
      if (node.elements.isEmpty()) {
        add(node.field, fields);
      } else {
        node.elements.forEach(element -> add(element.field, fields));
      }
    }
    Span span = new Span(from, bytes.size() - from);
    Node node =
        new Node(
            start,
            new Field.Group(
                label,
                index,
                Field.GroupKind.STRUCT,
                label,
                StateDocument.VERSION,
                span,
                span,
                fields));
    node.members = members;
    return node;
  }

  private static void add(@Nullable Field field, List<Field> to) {
    if (field != null) {
      to.add(field);
    }
  }

  private Node value(JsonParser parser, String label, int depth) throws IOException {
    count(parser);
    JsonToken token = parser.currentToken();
    if (token == JsonToken.START_OBJECT) {
      return object(parser, label, -1, depth);
    }
    if (token == JsonToken.START_ARRAY) {
      return array(parser, label, depth);
    }
    if (token == null) {
      throw new FormatException(name, text.length, "the text ends early");
    }
    Node node = new Node(at(parser), token == JsonToken.VALUE_STRING ? text(parser, label) : null);
    node.words = parser.getText();
    return node;
  }

  private void count(JsonParser parser) throws FormatException {
    if (++values > MAX_VALUES) {
      throw new FormatException(name, at(parser), "more than %d values".formatted(MAX_VALUES));
    }
  }

  /** An array of objects, of bytes, or of numbers that are one field. */
  private Node array(JsonParser parser, String label, int depth) throws IOException {
    int start = at(parser);
    long from = bytes.size();
    List<Node> nodes = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      count(parser);
      Node element =
          parser.currentToken() == JsonToken.START_OBJECT
              ? object(parser, label, nodes.size(), depth + 1)
              : element(parser, label, nodes.size());
      nodes.add(element);
      if (!sameKind(nodes.get(0), element)) {
        throw bad(element, "the elements of \"%s\" are not alike".formatted(label));
      }
    }
    if (!nodes.isEmpty() && nodes.get(0).field instanceof Field.Scalar scalar) {
      Span span = new Span(from, bytes.size() - from);
      return new Node(start, new Field.Array(label, -1, scalar.type(), nodes.size(), span));
    }
    Node node = new Node(start, null);
    node.elements = nodes;
    return node;
  }

  private Node element(JsonParser parser, String label, int index) throws IOException {
    int start = at(parser);
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw new FormatException(name, start, "\"%s\": hexadecimal text expected".formatted(label));
    }
    Field field = text(parser, label);
    if (field instanceof Field.Raw raw) {
      return new Node(start, new Field.Raw(raw.name(), index, raw.type(), raw.span()));
    }
    if (field == null) {
      throw new FormatException(name, start, "\"%s\": hexadecimal text expected".formatted(label));
    }
    return new Node(start, field);
  }

  private static boolean sameKind(Node first, Node other) {
    if (first.field instanceof Field.Scalar a && other.field instanceof Field.Scalar b) {
      return a.type().equals(b.type());
    }
    return first.field != null
        && other.field != null
        && first.field.getClass() == other.field.getClass();
  }

  /** The field of a string of digits; null when it is other text. */
  private @Nullable Field text(JsonParser parser, String label) throws IOException {
    String value = parser.getText();
    int digitsAt = at(parser) + 1;
    boolean number = value.startsWith("0x");
    int prefix = number ? 2 : 0;
    int digits = value.length() - prefix;
    if (digits == 0 || digits % 2 != 0 || !isHex(value, prefix) || !stands(value, digitsAt)) {
      return null;
    }
    int width = digits / 2;
    Span span = new Span(bytes.size(), width);
    if (!number) {
      bytes.add(value, prefix, digitsAt, false);
      return new Field.Raw(label, -1, "buffer", span);
    }
    if (width > 8 || Integer.bitCount(width) != 1) {
      return null;
    }
    bytes.add(value, prefix, digitsAt + prefix, true);
    ScalarType type =
        ScalarType.of(width == 1 ? "uint8" : "le" + 8 * width)
            .orElseThrow(() -> new IllegalStateException("le" + 8 * width));
    return new Field.Scalar(
        label, -1, type, span, Long.parseUnsignedLong(value, 2, 2 + digits, 16));
  }

  private static boolean isHex(String value, int from) {
    for (int i = from; i < value.length(); i++) {
      if (Character.digit(value.charAt(i), 16) < 0 || value.charAt(i) > 'f') {
        return false;
      }
    }
    return true;
  }

  /** Whether the text has it as it is, without escapes. */
  private boolean stands(String value, int from) {
    if (from + value.length() > text.length) {
      return false;
    }
    for (int i = 0; i < value.length(); i++) {
      if (text[from + i] != value.charAt(i)) {
        return false;
      }
    }
    return true;
  }
}
