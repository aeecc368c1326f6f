package dev.vmstate.core.debuginfo;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The units of .debug_info, read one at a time; a few are kept for what asks again.
 *
 * <pre>
 * unit ::= length, u16 version, version 5: (u8 type, u8 address_size, offset abbreviations)
 *                               before:    (offset abbreviations, u8 address_size)
 * length ::= u32 | 0xffffffff, u64 (offsets of 8 bytes then)
 * </pre>
 */
final class Units {
  /** A kernel has some thousands, one with everything in it thirty thousand. */
  private static final int MOST = 1 << 20;

  /** A source file's of a kernel has under a megabyte. */
  static final int MOST_BYTES = 128 << 20;

  private static final long KEPT_BYTES = 16L << 20;
  private static final int KEPT_TABLES = 8;

  /** Compilers give each unit a table of its own; a million units could share two large ones. */
  private static final long MOST_READ_AGAIN = 64;

  private final ByteSource info;
  private final String abbrevPlace;
  private final byte[] abbrevs;
  private final long[] starts;
  private final Map<Integer, Unit> kept = new LinkedHashMap<>(16, 0.75f, true);
  private final Map<Long, Abbreviations> tables = new LinkedHashMap<>(16, 0.75f, true);
  private long keptBytes;
  private long readTables;

  private Units(ByteSource info, String abbrevPlace, byte[] abbrevs, long[] starts) {
    this.info = info;
    this.abbrevPlace = abbrevPlace;
    this.abbrevs = abbrevs;
    this.starts = starts;
  }

  /** Looks where each one starts. */
  static Units of(ByteSource info, String abbrevPlace, byte[] abbrevs) throws IOException {
    long[] starts = new long[1024];
    int count = 0;
    ByteBuffer head = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
    long at = 0;
    while (at < info.size()) {
      if (count == MOST) {
        throw new FormatException(info.name(), at, "more than %d units".formatted(MOST));
      }
      if (count + 1 == starts.length) {
        starts = Arrays.copyOf(starts, 2 * count + 2);
      }
      starts[count++] = at;
      info.readSome(at, head.clear());
      long left = info.size() - at;
      long length = head.getInt(0) & 0xffff_ffffL;
      int size = 4;
      if (length == 0xffff_ffffL) {
        length = head.getLong(4);
        size = 12;
      }
      if (left < size || length < 7 || length > left - size) {
        throw new FormatException(
            info.name(),
            at,
            "a unit of 0x%x bytes, 0x%x left (is the file cut short?)".formatted(length, left));
      }
      at += size + length;
    }
    starts = Arrays.copyOf(starts, count + 1);
    starts[count] = at;
    return new Units(info, abbrevPlace, abbrevs, starts);
  }

  int count() {
    return starts.length - 1;
  }

  /** What an error of the section's contents is told with. */
  String place() {
    return info.name();
  }

  /** The unit that an offset in the section is in. */
  Unit at(long offset) throws IOException {
    int found = Arrays.binarySearch(starts, offset);
    int number = found >= 0 ? found : -found - 2;
    if (number < 0 || number >= count()) {
      throw new FormatException(info.name(), offset, "refers to behind the end");
    }
    Unit unit = kept.get(number);
    if (unit == null) {
      unit = load(number);
      kept.put(number, unit);
      keptBytes += unit.bytes().length;
      var eldest = kept.values().iterator();
      while (keptBytes > KEPT_BYTES && kept.size() > 1) {
        keptBytes -= eldest.next().bytes().length;
        eldest.remove();
      }
    }
    return unit;
  }

  /** Reads one; it is not kept. */
  Unit load(int number) throws IOException {
    long start = starts[number];
    long length = starts[number + 1] - start;
    if (length > MOST_BYTES) {
      throw new FormatException(
          info.name(), start, "a unit of 0x%x bytes, 0x%x at most".formatted(length, MOST_BYTES));
    }
    byte[] bytes = info.bytes(new Span(start, length));
    DwarfCursor in = new DwarfCursor(info.name(), bytes, 0, bytes.length, start);
    int offsetBytes = in.number(4, "unit_length") == 0xffff_ffffL ? 8 : 4;
    in.go(offsetBytes == 8 ? 12 : 4);
    int version = (int) in.number(2, "version");
    if (version < 2 || version > 5) {
      throw in.bad("DWARF version %d, expected 2 to 5".formatted(version));
    }
    int type = version == 5 ? in.u8("unit_type") : 1;
    int addressBytes = version == 5 ? in.u8("address_size") : 0;
    long table = in.number(offsetBytes, "debug_abbrev_offset");
    if (version < 5) {
      addressBytes = in.u8("address_size");
    }
    if (addressBytes != 4 && addressBytes != 8) {
      throw in.bad("address_size %d, expected 4 or 8".formatted(addressBytes));
    }
    // A skeleton or split unit has an id, one of a single type its signature and place.
    in.skip(type == 4 || type == 5 ? 8 : type == 2 || type == 6 ? 8 + offsetBytes : 0);
    return new Unit(start, bytes, in.at(), version, offsetBytes, addressBytes, table(table));
  }

  private Abbreviations table(long offset) throws FormatException {
    Abbreviations known = tables.get(offset);
    if (known != null) {
      return known;
    }
    if (offset < 0 || offset >= abbrevs.length) {
      throw new FormatException(
          abbrevPlace, offset, "a unit's table, behind the end 0x%x".formatted(abbrevs.length));
    }
    DwarfCursor in = new DwarfCursor(abbrevPlace, abbrevs, (int) offset, abbrevs.length, 0);
    Abbreviations table = Abbreviations.read(in);
    readTables += in.at() - offset;
    if (readTables > MOST_READ_AGAIN * abbrevs.length + MOST_BYTES) {
      throw in.bad("the units' tables overlap: read %d times".formatted(MOST_READ_AGAIN));
    }
    tables.put(offset, table);
    if (tables.size() > KEPT_TABLES) {
      var eldest = tables.values().iterator();
      eldest.next();
      eldest.remove();
    }
    return table;
  }
}
