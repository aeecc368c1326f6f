package dev.vmstate.core.symbols;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import dev.vmstate.bytes.FormatException;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/**
 * JSON in chained calls, written as it comes: what it is made of is too much to hold twice. Names
 * of a guest's may have any byte, so what is not ASCII is escaped.
 */
final class JsonText {
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

  private final JsonGenerator out;

  /** {@code most}: bytes. */
  JsonText(OutputStream out, long most) throws IOException {
    this.out =
        JSON.createGenerator(new Bounded(out, most))
            .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
  }

  /** Types can be made to be written again and again. */
  private static final class Bounded extends FilterOutputStream {
    private long left;

    Bounded(OutputStream out, long most) {
      super(out);
      this.left = most;
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      left -= length;
      if (left < 0) {
        throw new FormatException("the guest's types", 0, "too large to be written as text");
      }
      out.write(bytes, from, length);
    }
  }

  /** The next member's name. */
  JsonText name(String name) throws IOException {
    out.writeFieldName(name);
    return this;
  }

  JsonText object() throws IOException {
    out.writeStartObject();
    return this;
  }

  JsonText end() throws IOException {
    out.writeEndObject();
    return this;
  }

  JsonText array() throws IOException {
    out.writeStartArray();
    return this;
  }

  JsonText endArray() throws IOException {
    out.writeEndArray();
    return this;
  }

  JsonText value(String value) throws IOException {
    out.writeString(value);
    return this;
  }

  JsonText value(boolean value) throws IOException {
    out.writeBoolean(value);
    return this;
  }

  /** A number, signed. */
  JsonText value(long value) throws IOException {
    out.writeNumber(value);
    return this;
  }

  /** A number, unsigned: an address. */
  JsonText unsigned(long value) throws IOException {
    out.writeNumber(Long.toUnsignedString(value));
    return this;
  }

  /** Writes what is there. */
  void flush() throws IOException {
    out.flush();
  }
}
