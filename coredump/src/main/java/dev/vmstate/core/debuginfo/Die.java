package dev.vmstate.core.debuginfo;

import dev.vmstate.bytes.FormatException;
import java.nio.charset.StandardCharsets;

/**
 * Goes through the entries (DIEs) of one unit, and holds what the one read last says of types. One
 * object for all entries of a unit: they are millions.
 */
final class Die extends DwarfCursor {
  static final int TAG_ARRAY = 0x01;
  static final int TAG_ENUMERATION = 0x04;
  static final int TAG_MEMBER = 0x0d;
  static final int TAG_POINTER = 0x0f;
  static final int TAG_COMPILE_UNIT = 0x11;
  static final int TAG_STRUCTURE = 0x13;
  static final int TAG_TYPEDEF = 0x16;
  static final int TAG_UNION = 0x17;
  static final int TAG_SUBRANGE = 0x21;
  static final int TAG_BASE = 0x24;
  static final int TAG_CONST = 0x26;
  static final int TAG_ENUMERATOR = 0x28;
  static final int TAG_VOLATILE = 0x35;
  static final int TAG_RESTRICT = 0x37;
  static final int TAG_ATOMIC = 0x47;

  private static final int AT_SIBLING = 0x01;
  private static final int AT_NAME = 0x03;
  private static final int AT_BYTE_SIZE = 0x0b;
  private static final int AT_BIT_OFFSET = 0x0c;
  private static final int AT_BIT_SIZE = 0x0d;
  private static final int AT_CONST_VALUE = 0x1c;
  private static final int AT_UPPER_BOUND = 0x2f;
  private static final int AT_COUNT = 0x37;
  private static final int AT_DATA_MEMBER_LOCATION = 0x38;
  private static final int AT_DECLARATION = 0x3c;
  private static final int AT_TYPE = 0x49;
  private static final int AT_DATA_BIT_OFFSET = 0x6b;
  private static final int AT_STR_OFFSETS_BASE = 0x72;
  private static final int OP_PLUS_UCONST = 0x23;

  /** Entries inside one another; lexical blocks of real functions stay far below. */
  private static final int MOST_NESTED = 256;

  /** Names of C are shorter; no longer one is looked at. */
  static final int MOST_NAME = 256;

  /** What an attribute that is not there reads as. */
  static final long NONE = -1;

  private final Unit unit;
  private final Strings strings;
  private long stringOffsets = NONE;

  private int tag;
  private boolean hasChildren;
  private boolean declaration;
  private long nameOffset;
  private int nameAt;
  private long sibling;
  private long type;
  private long byteSize;
  private long bitSize;
  private long bitOffset;
  private long dataBitOffset;
  private long location;
  private long elements;
  private long constant;

  /** At the first entry of a unit, which is read: the others may need what it says. */
  Die(String place, Unit unit, Strings strings) throws FormatException {
    super(place, unit.bytes(), unit.dies(), unit.bytes().length, unit.offset());
    this.unit = unit;
    this.strings = strings;
    next();
  }

  /** Reads the entry at the cursor; false for the end of a list of siblings. */
  boolean next() throws FormatException {
    int code = small("abbreviation code");
    if (code == 0) {
      return false;
    }
    Abbreviations table = unit.abbreviations();
    int line = table.line(code);
    if (line < 0) {
      throw bad("abbreviation code %d, which its unit's table does not have".formatted(code));
    }
    tag = table.tag(line);
    hasChildren = table.children(line);
    declaration = false;
    nameOffset = NONE;
    nameAt = -1;
    sibling = NONE;
    type = NONE;
    byteSize = NONE;
    bitSize = 0;
    bitOffset = NONE;
    dataBitOffset = NONE;
    location = NONE;
    elements = 0;
    constant = 0;
    for (int i = table.first(line); i < table.first(line + 1); i++) {
      attribute(table.attribute(i), table.form(i), table.value(i));
    }
    return true;
  }

  private void attribute(int attribute, int form, long implicit) throws FormatException {
    switch (attribute) {
      case AT_NAME -> name(form);
      case AT_SIBLING -> sibling = reference(form);
      case AT_TYPE -> type = reference(form);
      case AT_DECLARATION -> declaration = constant(form, implicit) != 0;
      case AT_BYTE_SIZE -> byteSize = constant(form, implicit);
      case AT_BIT_SIZE -> bitSize = constant(form, implicit);
      case AT_BIT_OFFSET -> bitOffset = constant(form, implicit);
      case AT_DATA_BIT_OFFSET -> dataBitOffset = constant(form, implicit);
      case AT_DATA_MEMBER_LOCATION -> location = constant(form, implicit);
      case AT_CONST_VALUE -> constant = constant(form, implicit);
      case AT_COUNT -> elements = constant(form, implicit);
      case AT_UPPER_BOUND -> {
        long last = constant(form, implicit);
        // int a[0] has none, or -1, of four bytes too.
        elements = last == 0xffff_ffffL || last < 0 ? 0 : last + 1;
      }
      case AT_STR_OFFSETS_BASE -> {
        long base = constant(form, implicit);
        if (tag == TAG_COMPILE_UNIT) {
          stringOffsets = base;
        }
      }
      default -> skipForm(form);
    }
  }

  private void name(int form) throws FormatException {
    switch (form) {
      case FORM_STRING -> {
        nameAt = at();
        skipString();
      }
      case FORM_STRP -> nameOffset = number(unit.offsetBytes(), "DW_FORM_strp");
      case FORM_STRX, FORM_GNU_STR_INDEX -> nameOffset = indexed(uleb("DW_FORM_strx"));
      case FORM_STRX1, FORM_STRX2, FORM_STRX3, FORM_STRX4 ->
          nameOffset = indexed(number(form - FORM_STRX1 + 1, "DW_FORM_strx"));
      default -> skipForm(form); // in another file
    }
  }

  private long indexed(long index) {
    long base = stringOffsets == NONE ? unit.offsetBytes() == 8 ? 16 : 8 : stringOffsets;
    return strings.indexed(base, index, unit.offsetBytes());
  }

  /** Offset in the section of the entry that is referred to, NONE when it is in another file. */
  private long reference(int form) throws FormatException {
    return switch (form) {
      case FORM_REF1 -> unit.offset() + number(1, "DW_FORM_ref1");
      case FORM_REF2 -> unit.offset() + number(2, "DW_FORM_ref2");
      case FORM_REF4 -> unit.offset() + number(4, "DW_FORM_ref4");
      case FORM_REF8 -> unit.offset() + (number(8, "DW_FORM_ref8") & Long.MAX_VALUE >> 1);
      case FORM_REF_UDATA -> unit.offset() + (uleb("DW_FORM_ref_udata") & Long.MAX_VALUE >> 1);
      case FORM_REF_ADDR -> number(refAddrBytes(), "DW_FORM_ref_addr") & Long.MAX_VALUE >> 1;
      default -> {
        skipForm(form);
        yield NONE;
      }
    };
  }

  private int refAddrBytes() {
    return unit.version() == 2 ? unit.addressBytes() : unit.offsetBytes();
  }

  /** A number; of an expression that adds one to a structure's address, that one. */
  private long constant(int form, long implicit) throws FormatException {
    switch (form) {
      case FORM_IMPLICIT_CONST:
        return implicit;
      case FORM_DATA1, FORM_FLAG:
        return u8("DW_FORM_data1");
      case FORM_DATA2:
        return number(2, "DW_FORM_data2");
      case FORM_DATA4:
        return number(4, "DW_FORM_data4");
      case FORM_DATA8:
        return number(8, "DW_FORM_data8");
      case FORM_SEC_OFFSET:
        return number(unit.offsetBytes(), "DW_FORM_sec_offset");
      case FORM_UDATA:
        return uleb("DW_FORM_udata");
      case FORM_SDATA:
        return sleb("DW_FORM_sdata");
      case FORM_FLAG_PRESENT:
        return 1;
      case FORM_BLOCK1, FORM_EXPRLOC, FORM_BLOCK:
        {
          long length = form == FORM_BLOCK1 ? u8("length") : uleb("length");
          int from = at();
          skip(length);
          int end = at();
          if (length < 2 || bytes[from] != OP_PLUS_UCONST) {
            return NONE;
          }
          go(from + 1L);
          long value = uleb("DW_OP_plus_uconst");
          go(end);
          return value;
        }
      default:
        skipForm(form);
        return NONE;
    }
  }

  private void skipForm(int form) throws FormatException {
    int actual = form;
    for (int i = 0; actual == FORM_INDIRECT; i++) {
      actual = small("DW_FORM_indirect");
      if (i == 4) {
        throw bad("DW_FORM_indirect of itself");
      }
    }
    switch (actual) {
      case FORM_FLAG_PRESENT, FORM_IMPLICIT_CONST -> {}
      case FORM_DATA1, FORM_REF1, FORM_FLAG, FORM_STRX1, FORM_ADDRX1 -> skip(1);
      case FORM_DATA2, FORM_REF2, FORM_STRX2, FORM_ADDRX2 -> skip(2);
      case FORM_STRX3, FORM_ADDRX3 -> skip(3);
      case FORM_DATA4, FORM_REF4, FORM_STRX4, FORM_ADDRX4, FORM_REF_SUP4 -> skip(4);
      case FORM_DATA8, FORM_REF8, FORM_REF_SIG8, FORM_REF_SUP8 -> skip(8);
      case FORM_DATA16 -> skip(16);
      case FORM_ADDR -> skip(unit.addressBytes());
      case FORM_STRP,
          FORM_LINE_STRP,
          FORM_SEC_OFFSET,
          FORM_STRP_SUP,
          FORM_GNU_REF_ALT,
          FORM_GNU_STRP_ALT ->
          skip(unit.offsetBytes());
      case FORM_REF_ADDR -> skip(refAddrBytes());
      case FORM_SDATA,
          FORM_UDATA,
          FORM_REF_UDATA,
          FORM_STRX,
          FORM_ADDRX,
          FORM_LOCLISTX,
          FORM_RNGLISTX,
          FORM_GNU_ADDR_INDEX,
          FORM_GNU_STR_INDEX ->
          uleb("number");
      case FORM_STRING -> skipString();
      case FORM_BLOCK, FORM_EXPRLOC -> skip(uleb("length"));
      case FORM_BLOCK1 -> skip(u8("length"));
      case FORM_BLOCK2 -> skip(number(2, "length"));
      case FORM_BLOCK4 -> skip(number(4, "length"));
      default -> throw bad("form 0x%x, which no version of DWARF up to 5 has".formatted(actual));
    }
  }

  /** Passes over what is inside the entry read last. */
  void skipChildren() throws FormatException {
    if (!hasChildren) {
      return;
    }
    if (sibling != NONE) {
      long to = sibling - unit.offset();
      if (to <= at()) {
        throw bad("DW_AT_sibling leads back");
      }
      go(to);
      return;
    }
    for (int depth = 1; depth > 0; ) {
      if (!next()) {
        depth--;
      } else if (hasChildren) {
        if (sibling != NONE) {
          skipChildren();
        } else if (++depth == MOST_NESTED) {
          throw bad("entries inside one another %d deep".formatted(MOST_NESTED));
        }
      }
    }
  }

  int tag() {
    return tag;
  }

  boolean hasChildren() {
    return hasChildren;
  }

  boolean declaration() {
    return declaration;
  }

  boolean named() {
    return nameOffset != NONE || nameAt >= 0;
  }

  /** Where the name is in .debug_str, NONE when it is in the entry. */
  long nameOffset() {
    return nameOffset;
  }

  /** Empty for one that is too long or not there. */
  String name() {
    if (nameOffset != NONE) {
      return strings.at(nameOffset);
    }
    if (nameAt < 0) {
      return "";
    }
    int to = nameAt;
    while (bytes[to] != 0) {
      to++;
    }
    return to - nameAt > MOST_NAME
        ? ""
        : new String(bytes, nameAt, to - nameAt, StandardCharsets.ISO_8859_1);
  }

  boolean isNamed(byte[] wanted) {
    if (nameOffset != NONE) {
      return strings.is(nameOffset, wanted);
    }
    return nameAt >= 0 && Strings.is(bytes, nameAt, wanted);
  }

  long type() {
    return type;
  }

  long byteSize() {
    return byteSize;
  }

  long bitSize() {
    return bitSize;
  }

  /** DWARF 2 and 3: bits from the highest one of the storage unit. */
  long bitOffset() {
    return bitOffset;
  }

  long dataBitOffset() {
    return dataBitOffset;
  }

  /** Bytes from the start of the structure. */
  long location() {
    return Math.max(0, location);
  }

  /** Of an array's dimension; 0 of a flexible one. */
  long elements() {
    return elements;
  }

  long constant() {
    return constant;
  }
}
