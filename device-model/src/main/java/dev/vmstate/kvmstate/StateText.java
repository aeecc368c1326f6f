package dev.vmstate.kvmstate;

import java.util.List;

/**
 * Writes JSON in which every value is hexadecimal text of its exact width, so that the text is its
 * own schema and a value can be replaced digit by digit: {@code "0x…"} is a number, highest digit
 * first; digits alone are bytes in their order; an array holds numbers of one width, or bytes, or
 * objects.
 */
public final class StateText {
  private static final String INDENT = "  ";

  private final StringBuilder text = new StringBuilder();
  private int depth;
  private boolean first = true;

  /** Starts an object; {@code name} is empty for the outermost. */
  public StateText open(String name) {
    member(name);
    text.append('{');
    depth++;
    first = true;
    return this;
  }

  /** Ends it. */
  public StateText close() {
    depth--;
    if (!first) {
      line();
    }
    text.append('}');
    first = false;
    return this;
  }

  /** A number of {@code width} bytes. */
  public StateText number(String name, int width, long value) {
    member(name);
    number(width, value);
    return this;
  }

  /** Text that is no state: an identity. {@code text} needs no escapes. */
  public StateText words(String name, String words) {
    member(name);
    text.append('"').append(words).append('"');
    return this;
  }

  /** A number of JSON's own, which is no state either. */
  public StateText integer(String name, long value) {
    member(name);
    text.append(value);
    return this;
  }

  /** Ranges of memory, one a line; their names need no escapes. */
  public StateText ranges(String name, List<StateDocument.Range> ranges) {
    member(name);
    text.append('[');
    depth++;
    for (int i = 0; i < ranges.size(); i++) {
      StateDocument.Range range = ranges.get(i);
      text.append(i == 0 ? "" : ",");
      line();
      text.append("{\"name\": \"%s\", \"gpa\": ".formatted(range.name()));
      number(Long.BYTES, range.gpa());
      text.append(", \"length\": ");
      number(Long.BYTES, range.length());
      text.append('}');
    }
    depth--;
    if (!ranges.isEmpty()) {
      line();
    }
    text.append(']');
    return this;
  }

  /** A structure, one member a line. */
  public StateText value(String name, StateValue value) {
    open(name);
    members(value.shape(), value, 0, false);
    return close();
  }

  /** Structures of one shape, one a line. */
  public StateText list(String name, List<StateValue> values) {
    member(name);
    text.append('[');
    depth++;
    for (int i = 0; i < values.size(); i++) {
      text.append(i == 0 ? "" : ",");
      line();
      inline(values.get(i).shape(), values.get(i), 0);
    }
    depth--;
    if (!values.isEmpty()) {
      line();
    }
    text.append(']');
    return this;
  }

  private void inline(StateStruct shape, StateValue value, int at) {
    text.append('{');
    first = true;
    members(shape, value, at, true);
    text.append('}');
    first = false;
  }

  private void members(StateStruct shape, StateValue value, int at, boolean inline) {
    int done = 0;
    for (StateStruct.Member member : shape.members()) {
      gap(value, at, done, member.offset(), inline);
      done = member.offset();
      name(member.name(), inline);
      if (member.count() == 0) {
        element(member, value, at + member.offset());
        done += width(member);
      } else {
        text.append('[');
        for (int i = 0; i < member.count(); i++) {
          text.append(i == 0 ? "" : ", ");
          int from = at + member.offset() + i * member.stride();
          element(member, value, from);
        }
        text.append(']');
        done += member.count() * member.stride();
      }
    }
    gap(value, at, done, shape.size(), inline);
    strides(shape, value, at, inline);
  }

  /** What stands between the elements of an array whose stride is wider than they are. */
  private void strides(StateStruct shape, StateValue value, int at, boolean inline) {
    for (StateStruct.Member member : shape.members()) {
      int width = width(member);
      for (int i = 0; i < member.count() && width < member.stride(); i++) {
        int from = member.offset() + i * member.stride();
        gap(value, at, from + width, from + member.stride(), inline);
      }
    }
  }

  private static int width(StateStruct.Member member) {
    if (member instanceof StateStruct.Number number) {
      return number.width();
    }
    return member instanceof StateStruct.Data data
        ? data.length()
        : ((StateStruct.Nested) member).struct().size();
  }

  /** Reserved bytes, should one of them not be zero. */
  private void gap(StateValue value, int at, int from, int to, boolean inline) {
    byte[] bytes = new byte[to - from];
    value.buffer().get(at + from, bytes);
    for (byte b : bytes) {
      if (b != 0) {
        name(StateStruct.reserved(from), inline);
        data(bytes);
        return;
      }
    }
  }

  private void element(StateStruct.Member member, StateValue value, int at) {
    if (member instanceof StateStruct.Number number) {
      long bits = 0;
      for (int i = number.width(); i-- > 0; ) {
        bits = bits << 8 | value.buffer().get(at + i) & 0xff;
      }
      number(number.width(), bits);
    } else if (member instanceof StateStruct.Data data) {
      byte[] bytes = new byte[data.length()];
      value.buffer().get(at, bytes);
      data(bytes);
    } else if (member instanceof StateStruct.Nested nested) {
      inline(nested.struct(), value, at);
    }
  }

  private void number(int width, long value) {
    text.append("\"0x");
    for (int shift = 8 * width - 4; shift >= 0; shift -= 4) {
      text.append(Character.forDigit((int) (value >>> shift) & 15, 16));
    }
    text.append('"');
  }

  private void data(byte[] bytes) {
    text.append('"');
    for (byte b : bytes) {
      text.append(Character.forDigit(b >> 4 & 15, 16)).append(Character.forDigit(b & 15, 16));
    }
    text.append('"');
  }

  private void name(String name, boolean inline) {
    if (inline) {
      text.append(first ? "" : ", ").append('"').append(name).append("\": ");
      first = false;
    } else {
      member(name);
    }
  }

  private void member(String name) {
    if (depth > 0) {
      text.append(first ? "" : ",");
      line();
      text.append('"').append(name).append("\": ");
    }
    first = false;
  }

  private void line() {
    text.append('\n').append(INDENT.repeat(depth));
  }

  /** The text so far. */
  @Override
  public String toString() {
    return text.toString();
  }
}
