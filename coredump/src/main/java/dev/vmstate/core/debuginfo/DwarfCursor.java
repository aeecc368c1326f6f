package dev.vmstate.core.debuginfo;

import dev.vmstate.bytes.FormatException;

/**
 * Reads little-endian values of DWARF out of an array. Every read is checked against the end; what
 * goes wrong is told with its offset in the section.
 */
class DwarfCursor {
  static final int FORM_ADDR = 0x01;
  static final int FORM_BLOCK2 = 0x03;
  static final int FORM_BLOCK4 = 0x04;
  static final int FORM_DATA2 = 0x05;
  static final int FORM_DATA4 = 0x06;
  static final int FORM_DATA8 = 0x07;
  static final int FORM_STRING = 0x08;
  static final int FORM_BLOCK = 0x09;
  static final int FORM_BLOCK1 = 0x0a;
  static final int FORM_DATA1 = 0x0b;
  static final int FORM_FLAG = 0x0c;
  static final int FORM_SDATA = 0x0d;
  static final int FORM_STRP = 0x0e;
  static final int FORM_UDATA = 0x0f;
  static final int FORM_REF_ADDR = 0x10;
  static final int FORM_REF1 = 0x11;
  static final int FORM_REF2 = 0x12;
  static final int FORM_REF4 = 0x13;
  static final int FORM_REF8 = 0x14;
  static final int FORM_REF_UDATA = 0x15;
  static final int FORM_INDIRECT = 0x16;
  static final int FORM_SEC_OFFSET = 0x17;
  static final int FORM_EXPRLOC = 0x18;
  static final int FORM_FLAG_PRESENT = 0x19;
  static final int FORM_STRX = 0x1a;
  static final int FORM_ADDRX = 0x1b;
  static final int FORM_REF_SUP4 = 0x1c;
  static final int FORM_STRP_SUP = 0x1d;
  static final int FORM_DATA16 = 0x1e;
  static final int FORM_LINE_STRP = 0x1f;
  static final int FORM_REF_SIG8 = 0x20;
  static final int FORM_IMPLICIT_CONST = 0x21;
  static final int FORM_LOCLISTX = 0x22;
  static final int FORM_RNGLISTX = 0x23;
  static final int FORM_REF_SUP8 = 0x24;
  static final int FORM_STRX1 = 0x25;
  static final int FORM_STRX2 = 0x26;
  static final int FORM_STRX3 = 0x27;
  static final int FORM_STRX4 = 0x28;
  static final int FORM_ADDRX1 = 0x29;
  static final int FORM_ADDRX2 = 0x2a;
  static final int FORM_ADDRX3 = 0x2b;
  static final int FORM_ADDRX4 = 0x2c;
  static final int FORM_GNU_ADDR_INDEX = 0x1f01;
  static final int FORM_GNU_STR_INDEX = 0x1f02;
  static final int FORM_GNU_REF_ALT = 0x1f20;
  static final int FORM_GNU_STRP_ALT = 0x1f21;

  final byte[] bytes;
  private final String place;
  private final long base;
  private final int limit;
  private int at;

  /**
   * Starts at the first byte.
   *
   * @param place names the section in errors
   * @param base where in the section {@code bytes[0]} is
   */
  DwarfCursor(String place, byte[] bytes, int from, int limit, long base) {
    this.place = place;
    this.bytes = bytes;
    this.at = from;
    this.limit = limit;
    this.base = base;
  }

  int at() {
    return at;
  }

  boolean atEnd() {
    return at == limit;
  }

  void go(long to) throws FormatException {
    if (to < 0 || to > limit) {
      throw bad("0x%x is outside the unit's 0x%x bytes".formatted(to, limit));
    }
    at = (int) to;
  }

  FormatException bad(String what) {
    return new FormatException(place, base + at, what);
  }

  void skip(long count) throws FormatException {
    if (count < 0 || count > limit - at) {
      throw bad(
          "%s bytes wanted, %d left (is the file cut short?)"
              .formatted(Long.toUnsignedString(count), limit - at));
    }
    at += (int) count;
  }

  int u8(String what) throws FormatException {
    if (at >= limit) {
      throw bad("'%s' wanted, nothing left (is the file cut short?)".formatted(what));
    }
    return bytes[at++] & 0xff;
  }

  /** A number of 1 to 8 bytes, zero-extended. */
  long number(int count, String what) throws FormatException {
    if (count > limit - at) {
      throw bad("'%s' needs %d bytes, %d left".formatted(what, count, limit - at));
    }
    long value = 0;
    for (int i = 0; i < count; i++) {
      value |= (bytes[at + i] & 0xffL) << 8 * i;
    }
    at += count;
    return value;
  }

  /** ULEB128 of at most 64 bits; padding is allowed up to 16 bytes. */
  long uleb(String what) throws FormatException {
    long value = 0;
    for (int i = 0; i < 16; i++) {
      int next = u8(what);
      if (i < 10) {
        value |= (next & 0x7fL) << 7 * i;
      }
      if ((next & 0x80) == 0) {
        return value;
      }
    }
    throw bad("'%s' is a LEB128 number of more than 16 bytes".formatted(what));
  }

  long sleb(String what) throws FormatException {
    long value = 0;
    for (int i = 0; i < 16; i++) {
      int next = u8(what);
      if (i < 10) {
        value |= (next & 0x7fL) << 7 * i;
      }
      if ((next & 0x80) == 0) {
        return i < 9 && (next & 0x40) != 0 ? value | -1L << 7 * (i + 1) : value;
      }
    }
    throw bad("'%s' is a LEB128 number of more than 16 bytes".formatted(what));
  }

  /** A ULEB128 number that counts something small. */
  int small(String what) throws FormatException {
    if (at < limit && bytes[at] >= 0) {
      return bytes[at++];
    }
    long value = uleb(what);
    if (value < 0 || value > Integer.MAX_VALUE) {
      throw bad("'%s' is %s".formatted(what, Long.toUnsignedString(value)));
    }
    return (int) value;
  }

  /** Passes over a NUL-terminated string. */
  void skipString() throws FormatException {
    while (u8("string") != 0) {
      // to its end
    }
  }
}
