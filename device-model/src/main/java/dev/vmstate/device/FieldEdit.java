package dev.vmstate.device;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * One field's bytes and what they become.
 *
 * @param path how a person names the field, e.g. {@code 0000:00:03.0/e1000/mac_reg[0x1500]}
 * @param where its bytes in the stream
 * @param before the bytes now
 * @param after as many new bytes
 * @param origin who asked, e.g. {@code hardware.xml line 12}; named when two edits contradict
 * @param note a warning for the report, or empty
 */
public record FieldEdit(
    String path, Span where, Bytes before, Bytes after, String origin, String note) {
  /** Bytes with value equality; the array is not copied and must not change. */
  public static final class Bytes {
    private final byte[] array;

    /** Wraps {@code array}. */
    public Bytes(byte[] array) {
      this.array = array;
    }

    /** The bytes themselves, not a copy. */
    public byte[] array() {
      return array;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Bytes bytes && Arrays.equals(array, bytes.array);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(array);
    }

    /** Hex, shortened in the middle when long. */
    @Override
    public String toString() {
      HexFormat hex = HexFormat.of();
      return array.length <= 16
          ? hex.formatHex(array)
          : "%s…%s (%d bytes)"
              .formatted(
                  hex.formatHex(array, 0, 8),
                  hex.formatHex(array, array.length - 4, array.length),
                  array.length);
    }
  }

  public FieldEdit {
    if (where.length() != before.array().length || where.length() != after.array().length) {
      throw new IllegalArgumentException(path + ": the bytes do not fill " + where);
    }
  }

  /** An edit from plain arrays. */
  public static FieldEdit of(String path, Span where, byte[] before, byte[] after, String origin) {
    return new FieldEdit(path, where, new Bytes(before), new Bytes(after), origin, "");
  }

  /** The same edit with a warning. */
  public FieldEdit withNote(String text) {
    return new FieldEdit(path, where, before, after, origin, text);
  }

  /** Whether it changes a byte. */
  public boolean changes() {
    return !before.equals(after);
  }

  /** As bytes to be put in place. */
  public Patch patch() {
    return new Patch(where, ByteBuffer.wrap(after.array()));
  }
}
