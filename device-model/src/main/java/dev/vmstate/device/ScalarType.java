package dev.vmstate.device;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A leaf type of QEMU's vmstate and how it stands on the wire: big-endian ({@code
 * migration/vmstate-types.c}). Built-in layouts add {@code le16}, {@code le32} and {@code le64} for
 * what devices keep as the guest sees it: configuration space, MSI-X tables.
 *
 * @param name as vmdesc spells it, e.g. {@code uint32}, {@code int32 le}, {@code timer}
 * @param width bytes on the wire
 * @param signed whether people read it with a sign
 */
public record ScalarType(String name, int width, boolean signed) {
  private static final Map<String, ScalarType> BY_NAME = new TreeMap<>();

  static {
    add("bool", 1, false);
    for (int bits = 8; bits <= 64; bits *= 2) {
      add("uint" + bits, bits / 8, false);
      add("int" + bits, bits / 8, true);
      add("uint" + bits + " equal", bits / 8, false);
    }
    add("int32 equal", 4, true);
    add("int32 le", 4, true);
    // QEMU names uint64_equal's info "int64 equal": a slip of the pen that is now wire format.
    add("int64 equal", 8, false);
    add("timer", 8, true);
    add("CPU_Double_U", 8, false);
    add("nullptr", 1, false);
    add("ptr-marker", 1, false);
    add("le16", 2, false);
    add("le32", 4, false);
    add("le64", 8, false);
  }

  private static void add(String name, int width, boolean signed) {
    BY_NAME.put(name, new ScalarType(name, width, signed));
  }

  /** The type vmdesc calls {@code name}, if it is a plain number. */
  public static Optional<ScalarType> of(String name) {
    return Optional.ofNullable(BY_NAME.get(name));
  }

  /** Whether the least significant byte stands first. */
  public boolean littleEndian() {
    return name.startsWith("le");
  }

  /**
   * Whether the destination compares the value with its own while loading, so that an edit makes
   * the load fail.
   */
  public boolean comparedOnLoad() {
    return name.endsWith(" equal") || name.endsWith(" le") || width == 1 && name.contains("ptr");
  }

  /** The value as people write it: decimal, with a sign where the type has one. */
  public String format(long value) {
    return signed ? Long.toString(value) : Long.toUnsignedString(value);
  }

  /**
   * The bytes of {@code value} in the type's order; high bits that do not fit are not looked at.
   */
  public byte[] encode(long value) {
    byte[] bytes = new byte[width];
    boolean little = littleEndian();
    for (int i = 0; i < width; i++) {
      bytes[i] = (byte) (value >> 8 * (little ? i : width - 1 - i));
    }
    return bytes;
  }

  /**
   * The value of {@code width} bytes in the type's order, sign-extended where the type has a sign.
   */
  public long decode(byte[] bytes, int at) {
    long value = 0;
    boolean little = littleEndian();
    for (int i = 0; i < width; i++) {
      value = value << 8 | bytes[at + (little ? width - 1 - i : i)] & 0xff;
    }
    int unused = 64 - 8 * width;
    return signed ? value << unused >> unused : value;
  }

  /**
   * Reads decimal, {@code 0x} hexadecimal (always unsigned), {@code true} and {@code false}.
   *
   * @throws IllegalArgumentException when the text is no number or does not fit the type
   */
  public long parse(String text) {
    String trimmed = text.trim();
    long value;
    try {
      if (trimmed.equals("true") || trimmed.equals("false")) {
        value = trimmed.equals("true") ? 1 : 0;
      } else if (trimmed.startsWith("0x") || trimmed.startsWith("0X")) {
        value = Long.parseUnsignedLong(trimmed.substring(2), 16);
        if (width < 8 && value >>> (8 * width) != 0) {
          throw outOfRange(trimmed);
        }
        int unused = 64 - 8 * width;
        value = signed ? value << unused >> unused : value;
      } else {
        value = signed ? Long.parseLong(trimmed) : Long.parseUnsignedLong(trimmed);
      }
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "'%s' is not a number of type %s (%s)".formatted(trimmed, name, range()), e);
    }
    if (name.equals("bool") && value >>> 1 != 0) {
      throw outOfRange(trimmed);
    }
    int unused = 64 - 8 * width;
    if ((signed ? value << unused >> unused : value << unused >>> unused) != value) {
      throw outOfRange(trimmed);
    }
    return value;
  }

  private IllegalArgumentException outOfRange(String text) {
    return new IllegalArgumentException("%s does not fit %s (%s)".formatted(text, name, range()));
  }

  /** The values the type holds, for messages. */
  public String range() {
    if (name.equals("bool")) {
      return "0 to 1";
    }
    if (signed) {
      return "%d to %d".formatted(-1L << (8 * width - 1), ~(-1L << (8 * width - 1)));
    }
    return "0 to " + Long.toUnsignedString(-1L >>> (64 - 8 * width));
  }
}
