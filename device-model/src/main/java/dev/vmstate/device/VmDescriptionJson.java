package dev.vmstate.device;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.vmstate.bytes.FormatException;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the vmdesc JSON.
 *
 * <p>Read as a stream of tokens, not into a map: linked lists and trees (qtailq, gtree) call
 * vmstate_save_state once per element into the same JSON object, so keys repeat; and the text can
 * be large (13 MB for a guest with virtio-gpu).
 */
public final class VmDescriptionJson {
  private static final int MAX_DEPTH = 128;

  /** Twice what fits into 13 MB, the longest description of a real guest. */
  private static final int MAX_OBJECTS = 1 << 19;

  /** A counted string, which a section's name is, ends at 255. */
  private static final int MAX_TEXT = 1 << 10;

  private static final JsonFactory FACTORY = new JsonFactory();

  private final JsonParser json;
  private final String place;
  private final long offset;
  private final Map<String, String> names = new HashMap<>();
  private int objects;

  private VmDescriptionJson(JsonParser json, String place, long offset) {
    this.json = json;
    this.place = place;
    this.offset = offset;
  }

  /**
   * Reads one JSON document.
   *
   * @param place names the stream in errors
   * @param offset where the JSON starts in it
   */
  public static VmDescription read(InputStream in, String place, long offset) throws IOException {
    try (JsonParser parser = FACTORY.createParser(in)) {
      return new VmDescriptionJson(parser, place + ": vmdesc", offset).document();
    } catch (CharConversionException e) { // already from the guess at the encoding
      throw new FormatException(place + ": vmdesc", offset, "not UTF-8: " + e.getMessage());
    }
  }

  private VmDescription document() throws IOException {
    try {
      long pageSize = 0;
      List<VmDescription.Device> devices = new ArrayList<>();
      expect(json.nextToken(), JsonToken.START_OBJECT);
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String key = json.currentName();
        json.nextToken();
        switch (key) {
          case "page_size" -> pageSize = number();
          case "devices" -> {
            expect(json.currentToken(), JsonToken.START_ARRAY);
            while (json.nextToken() == JsonToken.START_OBJECT) {
              devices.add(device());
            }
            expect(json.currentToken(), JsonToken.END_ARRAY);
          }
          default -> json.skipChildren(); // "configuration" since QEMU 8: read from the wire
        }
      }
      expect(json.currentToken(), JsonToken.END_OBJECT);
      return new VmDescription(pageSize, devices);
    } catch (JsonProcessingException e) {
      throw new FormatException(
          place,
          offset + Math.max(0, e.getLocation() == null ? 0 : e.getLocation().getByteOffset()),
          "not the JSON QEMU writes: " + e.getOriginalMessage());
    }
  }

  private VmDescription.Device device() throws IOException {
    ObjectKeys keys = object(0);
    if (keys.name.isEmpty()) {
      throw bad("a device without a name");
    }
    return new VmDescription.Device(keys.name, keys.instance, keys.struct());
  }

  /** Everything a device, a vmsd or a field may hold; all three are JSON objects that overlap. */
  private static final class ObjectKeys {
    String name = "";
    String vmsdName = "";
    String type = "";
    long instance;
    long version = -1;
    long size;
    long count = 1;
    boolean array;
    boolean twice;
    boolean described;
    List<VmDescription.Entry> fields = List.of();
    List<VmDescription.Struct> subsections = List.of();
    VmDescription.@Nullable Struct nested;

    VmDescription.Struct struct() {
      return new VmDescription.Struct(vmsdName, version, fields, subsections, twice);
    }
  }

  private ObjectKeys object(int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw bad("nested deeper than " + MAX_DEPTH);
    }
    if (++objects > MAX_OBJECTS) {
      throw bad("more than " + MAX_OBJECTS + " fields and devices");
    }
    ObjectKeys keys = new ObjectKeys();
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String key = json.currentName();
      JsonToken token = json.nextToken();
      switch (key) {
        case "name" -> keys.name = text();
        case "vmsd_name" -> keys.vmsdName = text();
        case "type" -> keys.type = text();
        case "instance_id" -> keys.instance = number() & 0xffff_ffffL;
        case "version" -> keys.version = number();
        case "size" -> keys.size = number();
        case "array_len" -> {
          keys.count = number();
          keys.array = true;
        }
        case "struct" -> {
          expect(token, JsonToken.START_OBJECT);
          keys.nested = object(depth + 1).struct();
        }
        case "fields" -> {
          keys.twice |= keys.described;
          keys.described = true;
          keys.fields = fields(depth + 1);
        }
        case "subsections" -> keys.subsections = subsections(depth + 1);
        default -> json.skipChildren(); // "index": newer versions omit it, order says the same
      }
    }
    expect(json.currentToken(), JsonToken.END_OBJECT);
    if (keys.size < 0 || keys.count < 0) {
      throw bad("size %d, array_len %d".formatted(keys.size, keys.count));
    }
    return keys;
  }

  private List<VmDescription.Entry> fields(int depth) throws IOException {
    expect(json.currentToken(), JsonToken.START_ARRAY);
    List<VmDescription.Entry> fields = new ArrayList<>();
    while (json.nextToken() == JsonToken.START_OBJECT) {
      ObjectKeys keys = object(depth);
      VmDescription.Struct nested = keys.nested;
      if (nested == null && keys.described) {
        nested = keys.struct(); // "tmp" and "vstruct": the vmsd's keys stand in the field itself
      }
      fields.add(
          new VmDescription.Entry(keys.name, keys.type, keys.size, keys.count, keys.array, nested));
    }
    expect(json.currentToken(), JsonToken.END_ARRAY);
    return fields;
  }

  private List<VmDescription.Struct> subsections(int depth) throws IOException {
    expect(json.currentToken(), JsonToken.START_ARRAY);
    List<VmDescription.Struct> subsections = new ArrayList<>();
    while (json.nextToken() == JsonToken.START_OBJECT) {
      subsections.add(object(depth).struct());
    }
    expect(json.currentToken(), JsonToken.END_ARRAY);
    return subsections;
  }

  private String text() throws IOException {
    expect(json.currentToken(), JsonToken.VALUE_STRING);
    String text = json.getText();
    if (text.length() > MAX_TEXT) {
      throw bad("a name of %d characters".formatted(text.length()));
    }
    if (names.size() >= MAX_OBJECTS) {
      return text;
    }
    String same = names.putIfAbsent(text, text);
    return same == null ? text : same;
  }

  private long number() throws IOException {
    expect(json.currentToken(), JsonToken.VALUE_NUMBER_INT);
    return json.getLongValue();
  }

  private void expect(@Nullable JsonToken found, JsonToken expected) throws FormatException {
    if (found != expected) {
      throw bad("%s where %s was expected".formatted(found, expected));
    }
  }

  private FormatException bad(String why) {
    return new FormatException(
        place, offset + Math.max(0, json.currentLocation().getByteOffset()), why);
  }
}
