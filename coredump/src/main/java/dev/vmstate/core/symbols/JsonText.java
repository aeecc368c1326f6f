package dev.vmstate.core.symbols;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** JSON written as it comes: what it is made of is too much to hold twice. */
final class JsonText {
  private static final int PIECE = 1 << 16;

  private final OutputStream out;
  private final StringBuilder text = new StringBuilder();
  private boolean first = true;

  JsonText(OutputStream out) {
    this.out = out;
  }

  private void comma() throws IOException {
    if (!first) {
      text.append(',');
    }
    first = false;
    if (text.length() > PIECE) {
      flush();
    }
  }

  /** The next member's name. */
  JsonText name(String name) throws IOException {
    comma();
    quote(name);
    text.append(':');
    first = true;
    return this;
  }

  JsonText object() throws IOException {
    comma();
    text.append('{');
    first = true;
    return this;
  }

  JsonText end() {
    text.append('}');
    first = false;
    return this;
  }

  JsonText array() throws IOException {
    comma();
    text.append('[');
    first = true;
    return this;
  }

  JsonText endArray() {
    text.append(']');
    first = false;
    return this;
  }

  JsonText value(String value) throws IOException {
    comma();
    quote(value);
    return this;
  }

  JsonText value(boolean value) throws IOException {
    comma();
    text.append(value);
    return this;
  }

  /** A number, signed. */
  JsonText value(long value) throws IOException {
    comma();
    text.append(value);
    return this;
  }

  /** A number, unsigned: an address. */
  JsonText unsigned(long value) throws IOException {
    comma();
    text.append(Long.toUnsignedString(value));
    return this;
  }

  private void quote(String value) {
    text.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '"' || c == '\\') {
        text.append('\\').append(c);
      } else if (c < 0x20 || c > 0x7e) {
        text.append("\\u%04x".formatted((int) c));
      } else {
        text.append(c);
      }
    }
    text.append('"');
  }

  /** Writes what is there. */
  void flush() throws IOException {
    out.write(text.toString().getBytes(StandardCharsets.US_ASCII));
    text.setLength(0);
  }
}
