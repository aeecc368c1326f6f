package dev.vmstate.core.btf;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.kernel.KernelImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A table of types, by number. Little-endian:
 *
 * <pre>
 * Btf    ::= 0xeb9f:u16 1:u8 flags:u8 hdr_len:u32 type_off:u32 type_len:u32 str_off:u32 str_len:u32
 *            [layout_off:u32 layout_len:u32] Types Strings [Layout]    (offsets from hdr_len on)
 * Type   ::= name_off:u32 (kflag:1 kind:7 vlen:24):u32 (size | type):u32 Info Element*vlen
 * Layout ::= (info_sz:u8 elem_sz:u8 flags:u16)*
 * </pre>
 *
 * <p>The first type has number 1. The table of a module is split: it starts behind the last type
 * and the last string byte of its base, the kernel's, and its numbers reach into it. Kernels before
 * 7.1 have 16 bits of vlen and 5 of kind with zeros between, and no layout.
 *
 * <p>The bytes stay as they are, with four more for each type: a kernel has 130 000 types, of which
 * few are asked for. Once parsed, every number and every name leads into the table.
 *
 * <p>Source: include/uapi/linux/btf.h and kernel/bpf/btf.c of Linux.
 */
public final class Btf {
  private final ByteBuffer bytes;
  private final int[] at;
  private final int strings;
  private final int stringsLength;
  private final @Nullable Btf base;
  private final int start;
  private final int stringsStart;
  private @Nullable BtfNames names;
  private @Nullable Boolean saysSigned;

  Btf(ByteBuffer bytes, int[] at, int strings, int stringsLength, @Nullable Btf base) {
    this.bytes = bytes;
    this.at = at;
    this.strings = strings;
    this.stringsLength = stringsLength;
    this.base = base;
    this.start = base == null ? 1 : base.count();
    this.stringsStart = base == null ? 0 : base.stringsEnd();
  }

  /**
   * A kernel's own table.
   *
   * @param place for messages
   * @throws FormatException with the offset in {@code blob}, when something in it leads nowhere
   */
  public static Btf parse(String place, byte[] blob) throws FormatException {
    return new BtfParser(place, buffer(blob), null).parse();
  }

  /** A module's table over the kernel's. */
  public static Btf parse(String place, byte[] blob, Btf base) throws FormatException {
    return new BtfParser(place, buffer(blob), base).parse();
  }

  /**
   * The table of the kernel that runs.
   *
   * @param bounds {@code __start_BTF} and {@code __stop_BTF}, when they are known; else the image
   *     is searched
   * @return empty when the image has none that holds together
   */
  public static Optional<Btf> find(KernelImage image, Optional<Bounds> bounds) throws IOException {
    return new BtfSearch(image).find(bounds);
  }

  /**
   * Where a table stands in virtual memory.
   *
   * @param start its first byte
   * @param stop behind its last
   */
  public record Bounds(long start, long stop) {}

  private static ByteBuffer buffer(byte[] blob) {
    return ByteBuffer.wrap(blob).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Bytes of the whole table. */
  public int bytes() {
    return bytes.capacity();
  }

  /** The first number this table has of its own: 1 without a base. */
  public int start() {
    return start;
  }

  /** Behind the last number. */
  public int count() {
    return start + at.length;
  }

  /** The table this one is split from. */
  public Optional<Btf> base() {
    return Optional.ofNullable(base);
  }

  /** The first offset of a string this table has of its own: 0 without a base. */
  public int stringsStart() {
    return stringsStart;
  }

  /** Behind the last offset of a string. */
  public int stringsEnd() {
    return stringsStart + stringsLength;
  }

  /** This table's own strings, each with a NUL at its end; a copy. */
  public byte[] strings() {
    return Arrays.copyOfRange(bytes.array(), strings, strings + stringsLength);
  }

  private Btf of(int id) {
    Btf table = this;
    while (id < table.start && table.base != null) {
      table = table.base;
    }
    return table;
  }

  private int word(int id, int offset) {
    Btf table = of(id);
    return table.bytes.getInt(table.at[id - table.start] + offset);
  }

  /** What a type is. */
  public BtfKind kind(int id) {
    return id == 0 ? BtfKind.VOID : BtfKind.of(word(id, 4) >>> 24 & 0x7f);
  }

  /** Number of members, values or parameters. */
  public int vlen(int id) {
    return id == 0 ? 0 : word(id, 4) & 0xff_ffff;
  }

  /** Of a structure: members may be bit-fields. Of an enum: signed. Of FWD: a union. */
  public boolean kflag(int id) {
    return id != 0 && word(id, 4) < 0;
  }

  /** Bytes, of the kinds that have a size of their own. */
  public long size(int id) {
    return word(id, 8) & 0xffff_ffffL;
  }

  /** The type it refers to, of the kinds that do. */
  public int type(int id) {
    return word(id, 8);
  }

  /** Offset of the name, unique for a name within one table and its base. */
  public int nameOffset(int id) {
    return id == 0 ? 0 : word(id, 0);
  }

  /** The name, or empty. */
  public String name(int id) {
    return string(nameOffset(id));
  }

  /** The string at an offset a type gave. */
  public String string(int offset) {
    Btf table = ofString(offset);
    int from = table.strings + offset - table.stringsStart;
    int to = from;
    while (table.bytes.get(to) != 0) {
      to++;
    }
    return new String(table.bytes.array(), from, to - from, StandardCharsets.ISO_8859_1);
  }

  /** Whether the string at {@code offset} is {@code name}, in Latin-1. */
  boolean isString(int offset, byte[] name) {
    Btf table = ofString(offset);
    int from = table.strings + offset - table.stringsStart;
    for (int i = 0; i < name.length; i++) {
      if (table.bytes.get(from + i) != name[i]) {
        return false;
      }
    }
    return table.bytes.get(from + name.length) == 0;
  }

  /** A hash of the string at {@code offset}: that of the same Latin-1 {@link String}. */
  int hash(int offset) {
    Btf table = ofString(offset);
    int hash = 0;
    for (int i = table.strings + offset - table.stringsStart; table.bytes.get(i) != 0; i++) {
      hash = 31 * hash + (table.bytes.get(i) & 0xff);
    }
    return hash;
  }

  private Btf ofString(int offset) {
    Btf table = this;
    while (offset < table.stringsStart && table.base != null) {
      table = table.base;
    }
    return table;
  }

  /** Offset of the name of the member, value or parameter {@code i}; 0 is unnamed. */
  public int elementName(int id, int i) {
    return word(id, 12 + kind(id).element() * i);
  }

  /** The type of the member, parameter or section entry {@code i}. */
  public int elementType(int id, int i) {
    BtfKind kind = kind(id);
    return word(id, 12 + kind.element() * i + (kind == BtfKind.DATASEC ? 0 : 4));
  }

  /** Bits from the start of the structure to the member {@code i}. */
  public long memberBit(int id, int i) {
    int offset = word(id, 12 + 12 * i + 8);
    if (kflag(id)) {
      return offset & 0xff_ffff;
    }
    int type = elementType(id, i);
    return (offset & 0xffff_ffffL) + (kind(type) == BtfKind.INT ? intOffset(type) : 0);
  }

  /** Bits of the member {@code i} when it is a bit-field, else 0. */
  public int memberBits(int id, int i) {
    if (kflag(id)) {
      return word(id, 12 + 12 * i + 8) >>> 24;
    }
    // Before kernel 4.20's kflag a bit-field was an INT of its own with fewer bits than its bytes.
    int type = elementType(id, i);
    return kind(type) == BtfKind.INT && intBits(type) != 8 * size(type) ? intBits(type) : 0;
  }

  /** Bits that an INT has before its value, in the older form of bit-fields. */
  int intOffset(int id) {
    return word(id, 12) >>> 16 & 0xff;
  }

  /** Bits of an INT. */
  public int intBits(int id) {
    return word(id, 12) & 0xff;
  }

  /** Whether an INT is signed. */
  public boolean intSigned(int id) {
    return (word(id, 12) & 1 << 24) != 0;
  }

  /** Whether an INT is a character; pahole does not say so of {@code char} since 2022. */
  public boolean intChar(int id) {
    return (word(id, 12) & 2 << 24) != 0;
  }

  /** Whether an INT is a truth value. */
  public boolean intBool(int id) {
    return (word(id, 12) & 4 << 24) != 0;
  }

  /** What an ARRAY has. */
  public int arrayType(int id) {
    return word(id, 12);
  }

  /** What an ARRAY is counted by. */
  public int arrayIndex(int id) {
    return word(id, 16);
  }

  /** Elements of an ARRAY; 0 of a flexible one. */
  public long arrayCount(int id) {
    return word(id, 20) & 0xffff_ffffL;
  }

  /** The value {@code i} of an ENUM or ENUM64. */
  public long enumValue(int id, int i) {
    if (kind(id) == BtfKind.ENUM64) {
      return word(id, 12 + 12 * i + 4) & 0xffff_ffffL | (long) word(id, 12 + 12 * i + 8) << 32;
    }
    int value = word(id, 12 + 8 * i + 4);
    return enumSigned(id) ? value : value & 0xffff_ffffL;
  }

  /**
   * Whether values of an ENUM or ENUM64 are signed. The flag that says so came with ENUM64, in 6.0
   * (pahole 1.24); a table in which no enum has it is older, and its values are signed.
   */
  public boolean enumSigned(int id) {
    return kflag(id) || !of(id).saysSigned();
  }

  private boolean saysSigned() {
    if (base != null && base.saysSigned()) {
      return true;
    }
    Boolean known = saysSigned;
    if (known == null) {
      known = false;
      for (int id = start; id < count() && !known; id++) {
        BtfKind kind = kind(id);
        known = kind == BtfKind.ENUM64 || kind == BtfKind.ENUM && kflag(id);
      }
      saysSigned = known;
    }
    return known;
  }

  /** Linkage of a FUNC or a VAR: 0 static, 1 global, 2 extern. */
  public int linkage(int id) {
    return kind(id) == BtfKind.VAR ? word(id, 12) : vlen(id);
  }

  /** Bytes from the start of the section to the variable {@code i} of a DATASEC. */
  public long variableOffset(int id, int i) {
    return word(id, 12 + 12 * i + 4) & 0xffff_ffffL;
  }

  /** Without typedefs and qualifiers. */
  public int resolve(int id) {
    int type = id;
    while (kind(type).isModifier()) {
      type = type(type);
    }
    return type;
  }

  /** Types by name. */
  BtfNames names() {
    BtfNames known = names;
    if (known == null) {
      names = known = new BtfNames(this);
    }
    return known;
  }

  /** The first type of this name and one of these kinds; a forward declaration is never one. */
  public Optional<Integer> find(String name, BtfKind... kinds) {
    int id = names().find(name, kinds);
    return id == 0 ? Optional.empty() : Optional.of(id);
  }
}
