package dev.vmstate.schema;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.schema.ClassDescription.DescribedField;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads what {@code -dump-vmstate} writes; the grammar is {@link DeviceClasses}'. */
public final class DeviceClassesJson {
  private static final int MAX_DEPTH = 64;

  /** QEMU 11.1 with every module has 15000. */
  private static final int MAX_OBJECTS = 1 << 18;

  private static final int MAX_TEXT = 1 << 10;

  /** Its first key, by which the file is told from others. */
  private static final String FIRST_KEY = "vmschkmachine";

  private static final JsonFactory FACTORY = new JsonFactory();

  private final JsonParser json;
  private final String place;
  private int objects;

  private DeviceClassesJson(JsonParser json, String place) {
    this.json = json;
    this.place = place;
  }

  /** Whether a file that begins with {@code front} can be such a dump. */
  public static boolean is(String front) {
    return front.strip().startsWith("{") && front.contains('"' + FIRST_KEY + '"');
  }

  /**
   * Reads a dump.
   *
   * @param place names the file in errors
   * @throws FormatException when it is none
   */
  public static DeviceClasses read(InputStream in, String place) throws IOException {
    try (JsonParser parser = FACTORY.createParser(in)) {
      return new DeviceClassesJson(parser, place).document();
    } catch (CharConversionException e) {
      throw new FormatException(place, 0, "not UTF-8: " + e.getMessage());
    }
  }

  private DeviceClasses document() throws IOException {
    try {
      String machine = "";
      Map<String, ClassDescription> classes = new LinkedHashMap<>();
      expect(json.nextToken(), JsonToken.START_OBJECT);
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        json.nextToken();
        Keys keys = object(0);
        if (name.equals(FIRST_KEY)) {
          machine = keys.name;
        } else if (keys.struct != null) {
          classes.put(name, keys.struct);
        }
      }
      expect(json.currentToken(), JsonToken.END_OBJECT);
      return new DeviceClasses(machine, classes);
    } catch (JsonProcessingException e) {
      throw new FormatException(
          place,
          e.getLocation() == null ? 0 : Math.max(0, e.getLocation().getByteOffset()),
          "not the JSON that -dump-vmstate writes: " + e.getOriginalMessage());
    }
  }

  /** All that an object may hold: a class, a description and a field overlap. */
  private static final class Keys {
    String name = "";
    long version;
    long minimum;
    boolean conditional;
    long count;
    long size;
    @Nullable ClassDescription struct;
    List<DescribedField> fields = List.of();
    List<ClassDescription> subsections = List.of();

    ClassDescription description() {
      return new ClassDescription(name, version, minimum, fields, subsections);
    }

    DescribedField field() {
      return new DescribedField(name, version, conditional, count, size, struct);
    }
  }

  private Keys object(int depth) throws IOException {
    expect(json.currentToken(), JsonToken.START_OBJECT);
    if (depth > MAX_DEPTH) {
      throw bad("nested deeper than " + MAX_DEPTH);
    }
    if (++objects > MAX_OBJECTS) {
      throw bad("more than %d fields".formatted(MAX_OBJECTS));
    }
    Keys keys = new Keys();
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String key = json.currentName();
      JsonToken token = json.nextToken();
      switch (key) {
        case "Name", "name", "field" -> keys.name = text();
        case "version_id" -> keys.version = number();
        case "minimum_version_id" -> keys.minimum = number();
        case "field_exists" -> keys.conditional = token == JsonToken.VALUE_TRUE;
        case "num" -> keys.count = number();
        case "size" -> keys.size = number();
        case "Description" -> keys.struct = object(depth + 1).description();
        case "Fields" -> {
          List<DescribedField> fields = new ArrayList<>();
          each(() -> fields.add(object(depth + 1).field()));
          keys.fields = fields;
        }
        case "Subsections" -> {
          List<ClassDescription> subsections = new ArrayList<>();
          each(() -> subsections.add(object(depth + 1).description()));
          keys.subsections = subsections;
        }
        default -> json.skipChildren();
      }
    }
    expect(json.currentToken(), JsonToken.END_OBJECT);
    if (keys.size < 0 || keys.count < 0) {
      throw bad("size %d, num %d".formatted(keys.size, keys.count));
    }
    return keys;
  }

  private interface Element {
    void read() throws IOException;
  }

  private void each(Element element) throws IOException {
    expect(json.currentToken(), JsonToken.START_ARRAY);
    while (json.nextToken() == JsonToken.START_OBJECT) {
      element.read();
    }
    expect(json.currentToken(), JsonToken.END_ARRAY);
  }

  private String text() throws IOException {
    expect(json.currentToken(), JsonToken.VALUE_STRING);
    String text = json.getText();
    if (text.length() > MAX_TEXT) {
      throw bad("a name of %d characters".formatted(text.length()));
    }
    return text;
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
    return new FormatException(place, Math.max(0, json.currentLocation().getByteOffset()), why);
  }
}
