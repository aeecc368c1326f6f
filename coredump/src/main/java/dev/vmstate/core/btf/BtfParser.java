package dev.vmstate.core.btf;

import dev.vmstate.bytes.FormatException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Checks a table once, so that nothing that is asked of it later can lead outside: each type ends
 * where the next begins and the last one with its section, names lie in the strings, numbers in the
 * table, and no chain of qualifiers or arrays comes back to itself.
 */
final class BtfParser {
  private static final int MAGIC = 0xeb9f;
  private static final int HEADER_BYTES = 24;
  private static final int HEADER_WITH_LAYOUT_BYTES = 32;

  /** BTF_MAX_TYPE. */
  private static final int MOST_TYPES = 0xf_ffff;

  /** Longer than any chain of a real kernel; the kernel's MAX_RESOLVE_DEPTH is 32. */
  private static final int MOST_CHAINED = 64;

  /**
   * A kernel's names have KSYM_NAME_LEN, 512; a long one could be read once for each byte of it.
   */
  private static final int LONGEST = 1024;

  private final String place;
  private final ByteBuffer bytes;
  private final @Nullable Btf base;
  private int[] at = new int[1024];
  private int found;
  private long layout;
  private long layoutLength;

  BtfParser(String place, ByteBuffer bytes, @Nullable Btf base) {
    this.place = place;
    this.bytes = bytes;
    this.base = base;
  }

  private FormatException bad(long offset, String what, Object... of) {
    return new FormatException(place, offset, what.formatted(of));
  }

  private long u32(int offset) {
    return bytes.getInt(offset) & 0xffff_ffffL;
  }

  Btf parse() throws FormatException {
    if (bytes.capacity() < HEADER_BYTES) {
      throw bad(0, "%d bytes, a BTF header has %d", bytes.capacity(), HEADER_BYTES);
    }
    int magic = bytes.getShort(0) & 0xffff;
    if (magic != MAGIC) {
      throw bad(0, "magic 0x%04x, expected 0x%04x", magic, MAGIC);
    }
    if (bytes.get(2) != 1) {
      throw bad(2, "BTF version %d, expected 1", bytes.get(2) & 0xff);
    }
    long header = u32(4);
    if (header < HEADER_BYTES || header > bytes.capacity() || header % 4 != 0) {
      throw bad(4, "header of %d bytes in a table of %d", header, bytes.capacity());
    }
    long types = header + section(8, header, "types");
    long typesEnd = types + u32(12);
    long strings = header + section(16, header, "strings");
    if (header >= HEADER_WITH_LAYOUT_BYTES) {
      layout = header + section(24, header, "layout");
      layoutLength = u32(28);
    }
    strings(strings, u32(20));
    int[] starts = types(types, typesEnd);
    Btf btf = new Btf(bytes, starts, (int) strings, (int) u32(20), base);
    for (int id = btf.start(); id < btf.count(); id++) {
      references(btf, id, starts[id - btf.start()]);
    }
    for (int id = btf.start(); id < btf.count(); id++) {
      chain(btf, id, starts[id - btf.start()]);
    }
    return btf;
  }

  /** The offset of a section whose offset and length stand at {@code field}. */
  private long section(int field, long header, String what) throws FormatException {
    long offset = u32(field);
    long length = u32(field + 4);
    if (offset + length > bytes.capacity() - header) {
      throw bad(
          field,
          "%s at 0x%x, 0x%x bytes, in a table that has 0x%x behind its header",
          what,
          offset,
          length,
          bytes.capacity() - header);
    }
    if (field == 8 && offset % 4 != 0) {
      throw bad(field, "types at 0x%x, expected a multiple of 4", offset);
    }
    return offset;
  }

  private void strings(long from, long length) throws FormatException {
    if (length == 0 && base != null) {
      return;
    }
    if (length == 0 || bytes.get((int) (from + length - 1)) != 0) {
      throw bad(from, "strings of 0x%x bytes without a NUL at their end", length);
    }
    if (base == null && bytes.get((int) from) != 0) {
      throw bad(from, "strings that do not start with the empty one");
    }
    long start = from;
    for (long at = from; at < from + length; at++) {
      if (bytes.get((int) at) == 0) {
        start = at + 1;
      } else if (at - start == LONGEST) {
        throw bad(start, "string of more than %d bytes", LONGEST);
      }
    }
  }

  private int[] types(long from, long end) throws FormatException {
    long next = from;
    while (next < end) {
      if (end - next < 12) {
        throw bad(next, "type needs 12 bytes, %d left of the types", end - next);
      }
      if (found == MOST_TYPES) {
        throw bad(next, "more than %d types", MOST_TYPES);
      }
      int info = bytes.getInt((int) next + 4);
      int kind = info >>> 24 & 0x7f;
      long bytesOf = 12 + tail(next, kind, info & 0xff_ffff);
      if (bytesOf > end - next) {
        throw bad(next, "type of kind %d has %d bytes, %d left", kind, bytesOf, end - next);
      }
      if (found == at.length) {
        at = Arrays.copyOf(at, 2 * found);
      }
      at[found++] = (int) next;
      next += bytesOf;
    }
    return Arrays.copyOf(at, found);
  }

  /** Bytes of a type behind its first twelve. */
  private long tail(long offset, int number, int vlen) throws FormatException {
    BtfKind kind = BtfKind.of(number);
    if (number != 0 && kind != BtfKind.UNKNOWN) {
      // The linkage of a FUNC stands in its vlen; it has no elements.
      return kind.info() + (long) kind.element() * vlen;
    }
    if (number == 0 || 4L * number + 4 > layoutLength) {
      throw bad(offset + 4, "type of kind %d, whose size nothing tells", number);
    }
    int entry = (int) layout + 4 * number;
    return (bytes.get(entry) & 0xff) + (long) (bytes.get(entry + 1) & 0xff) * vlen;
  }

  private void references(Btf btf, int id, int offset) throws FormatException {
    BtfKind kind = btf.kind(id);
    name(btf, btf.nameOffset(id), offset);
    if (kind.refers()) {
      number(btf, btf.type(id), offset + 8);
    }
    if (kind == BtfKind.ARRAY) {
      number(btf, btf.arrayType(id), offset + 12);
      number(btf, btf.arrayIndex(id), offset + 16);
    }
    int vlen = btf.vlen(id);
    for (int i = 0; i < vlen && kind.element() > 0; i++) {
      int element = offset + 12 + kind.element() * i;
      switch (kind) {
        case STRUCT, UNION, FUNC_PROTO -> {
          name(btf, btf.elementName(id, i), element);
          number(btf, btf.elementType(id, i), element + 4);
        }
        case ENUM, ENUM64 -> name(btf, btf.elementName(id, i), element);
        case DATASEC -> number(btf, btf.elementType(id, i), element);
        default -> {
          return;
        }
      }
    }
  }

  private void name(Btf btf, int name, int offset) throws FormatException {
    if (name < 0 || name >= btf.stringsEnd()) {
      throw bad(offset, "name at 0x%x of 0x%x bytes of strings", name, btf.stringsEnd());
    }
  }

  private void number(Btf btf, int type, int offset) throws FormatException {
    if (type < 0 || type >= btf.count()) {
      throw bad(offset, "type %s of %d", Integer.toUnsignedString(type), btf.count());
    }
  }

  /** Follows qualifiers and elements of arrays: what has no end has no size. */
  private void chain(Btf btf, int id, int offset) throws FormatException {
    int type = id;
    for (int steps = 0; ; steps++) {
      BtfKind kind = btf.kind(type);
      if (kind.isModifier()) {
        type = btf.type(type);
      } else if (kind == BtfKind.ARRAY) {
        type = btf.arrayType(type);
      } else {
        return;
      }
      if (steps == MOST_CHAINED) {
        throw bad(offset, "type %d leads through more than %d others", id, MOST_CHAINED);
      }
    }
  }
}
