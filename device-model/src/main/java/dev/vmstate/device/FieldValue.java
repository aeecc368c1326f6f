package dev.vmstate.device;

import java.io.IOException;
import java.util.HexFormat;
import java.util.StringJoiner;

/** A field's value as text, and text as the field's new bytes. */
public final class FieldValue {
  private FieldValue() {}

  /**
   * Numbers in decimal, arrays as numbers with spaces between, text in quotes, everything else as
   * hex.
   */
  public static String text(FieldPath target) throws IOException {
    byte[] bytes = target.device().source().bytes(target.span());
    if (target.type().isPresent()) {
      ScalarType type = target.type().get();
      return type.format(type.decode(bytes, 0));
    }
    if (target.field() instanceof Field.Array array) {
      StringJoiner values = new StringJoiner(" ");
      for (int i = 0; i < array.count(); i++) {
        values.add(array.type().format(array.type().decode(bytes, i * array.type().width())));
      }
      return values.toString();
    }
    if (target.field() instanceof Field.Raw raw && raw.type().equals("text")) {
      return PaddedText.of(bytes).map(PaddedText::quoted).orElse(HexFormat.of().formatHex(bytes));
    }
    return HexFormat.of().formatHex(bytes);
  }

  /**
   * The edit that gives the field a new value.
   *
   * @param text a number; for an array as many numbers as it has; for bytes as much hex, colons and
   *     spaces allowed, or text in double quotes, which is padded as the bytes were
   * @throws IllegalArgumentException when the text does not fit; the message names the path
   */
  public static FieldEdit edit(FieldPath target, String text, String origin) throws IOException {
    byte[] after = bytes(target, text);
    if (after.length != target.span().length()) {
      throw new IllegalArgumentException(
          target.path() + ": " + wrongLength(target, text.trim(), after.length));
    }
    return edit(target, after, origin);
  }

  private static String wrongLength(FieldPath target, String text, int length) {
    return target.field() instanceof Field.Array array
        ? "%d values for an array of %d".formatted(length / array.type().width(), array.count())
        : "%d bytes of hex expected, got '%s'".formatted(target.span().length(), shortened(text));
  }

  /** The edit that gives the field these bytes, as many as it has. */
  public static FieldEdit edit(FieldPath target, byte[] after, String origin) throws IOException {
    byte[] before = target.device().source().bytes(target.span());
    FieldEdit edit = FieldEdit.of(target.path(), target.span(), before, after, origin);
    if (target.type().map(ScalarType::comparedOnLoad).orElse(false)) {
      return edit.withNote(
          "QEMU compares this field with its own while loading: the edit makes the load fail");
    }
    return edit;
  }

  /**
   * A value's bytes as they stand on the wire; of an array or a buffer as many as the text has.
   *
   * @throws IllegalArgumentException when the text is no such value; the message names the path
   */
  public static byte[] bytes(FieldPath target, String text) throws IOException {
    try {
      return encode(target, text.trim());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(target.path() + ": " + e.getMessage(), e);
    }
  }

  private static byte[] encode(FieldPath target, String text) throws IOException {
    if (target.type().isPresent()) {
      ScalarType type = target.type().get();
      return type.encode(type.parse(text));
    }
    if (target.field() instanceof Field.Group group && !group.refined()) {
      throw new IllegalArgumentException("this is a group of fields: name one of them");
    }
    if (target.field() instanceof Field.Array array) {
      String[] values = text.isEmpty() ? new String[0] : text.split("[\\s,]+");
      int width = array.type().width();
      byte[] bytes = new byte[values.length * width];
      for (int i = 0; i < values.length; i++) {
        System.arraycopy(
            array.type().encode(array.type().parse(values[i])), 0, bytes, i * width, width);
      }
      return bytes;
    }
    if (text.length() >= 2 && text.startsWith("\"") && text.endsWith("\"")) {
      byte[] before = target.device().source().bytes(target.span());
      return PaddedText.padded(text.substring(1, text.length() - 1), before);
    }
    String digits = text.replaceAll("[:\\s]", "");
    if (digits.startsWith("0x")) {
      digits = digits.substring(2);
    }
    if (digits.length() % 2 != 0 || !digits.matches("[0-9a-fA-F]*")) {
      throw new IllegalArgumentException(
          "%d bytes of hex expected, got '%s'".formatted(target.span().length(), shortened(text)));
    }
    return HexFormat.of().parseHex(digits);
  }

  private static String shortened(String text) {
    return text.length() <= 40 ? text : text.substring(0, 40) + "…";
  }
}
