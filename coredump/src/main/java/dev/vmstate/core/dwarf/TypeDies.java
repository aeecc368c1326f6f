package dev.vmstate.core.dwarf;

import dev.vmstate.core.btf.Btf;
import dev.vmstate.core.btf.BtfKind;
import java.util.Arrays;

/**
 * Types of one BTF table as entries of one unit. Written straight through: where a type is referred
 * to before it is written, its number stands in the four bytes until {@link #patch}.
 */
final class TypeDies {
  private static final int BOOLEAN = 0x02;
  private static final int FLOAT = 0x04;
  private static final int SIGNED = 0x05;
  private static final int SIGNED_CHAR = 0x06;
  private static final int UNSIGNED = 0x07;
  private static final int UNSIGNED_CHAR = 0x08;

  private final LittleBytes out;
  private final Btf btf;
  private final int pointerBytes;
  private final StringOffsets strings;
  private final int[] dies;
  private int[] references = new int[1 << 12];
  private int referenceCount;

  /** Where the string at an offset of a BTF table stands in .debug_str. */
  interface StringOffsets {
    int of(int btfOffset);
  }

  /**
   * Types of {@code btf}.
   *
   * @param base the entries of the table it is split from, or empty
   */
  TypeDies(LittleBytes out, Btf btf, int pointerBytes, StringOffsets strings, int[] base) {
    this.out = out;
    this.btf = btf;
    this.pointerBytes = pointerBytes;
    this.strings = strings;
    this.dies = Arrays.copyOf(base, btf.count());
  }

  /** Where each type's entry begins, from the start of .debug_info; 0 of those without one. */
  int[] dies() {
    return dies;
  }

  /** Writes the entries of all types. */
  void write() {
    for (int id = btf.start(); id < btf.count(); id++) {
      BtfKind kind = btf.kind(id);
      if (hasDie(kind)) {
        dies[id] = out.size();
        type(id, kind);
      }
    }
  }

  private static boolean hasDie(BtfKind kind) {
    return switch (kind) {
      case INT,
          PTR,
          ARRAY,
          STRUCT,
          UNION,
          ENUM,
          ENUM64,
          FWD,
          TYPEDEF,
          VOLATILE,
          CONST,
          RESTRICT,
          FUNC_PROTO,
          FLOAT ->
          true;
      default -> false;
    };
  }

  /** What stands for {@code id} in DWARF 4, which has no tags on types; 0 is {@code void}. */
  private int shown(int id) {
    int type = id;
    while (btf.kind(type) == BtfKind.TYPE_TAG) {
      type = btf.type(type);
    }
    return hasDie(btf.kind(type)) ? type : 0;
  }

  private void type(int id, BtfKind kind) {
    switch (kind) {
      case INT -> base(id, encoding(id));
      case FLOAT -> base(id, FLOAT);
      case PTR -> {
        head(DieShape.POINTER, 0, btf.type(id), false);
        out.u8(pointerBytes);
      }
      case TYPEDEF -> head(DieShape.TYPEDEF, btf.nameOffset(id), btf.type(id), false);
      case CONST -> head(DieShape.CONST, 0, btf.type(id), false);
      case VOLATILE -> head(DieShape.VOLATILE, 0, btf.type(id), false);
      case RESTRICT -> head(DieShape.RESTRICT, 0, btf.type(id), false);
      case FWD ->
          head(
              btf.kflag(id) ? DieShape.DECLARED_UNION : DieShape.DECLARED_STRUCTURE,
              btf.nameOffset(id),
              0,
              false);
      case ARRAY -> array(btf.arrayType(id), btf.arrayIndex(id), btf.arrayCount(id));
      case STRUCT -> composite(DieShape.STRUCTURE, id);
      case UNION -> composite(DieShape.UNION, id);
      case ENUM, ENUM64 -> enumeration(id);
      case FUNC_PROTO -> {
        boolean any = btf.vlen(id) > 0;
        head(DieShape.SUBROUTINE_TYPE, 0, btf.type(id), any);
        if (any) {
          parameters(id);
        }
      }
      default -> throw new IllegalArgumentException(kind.toString());
    }
  }

  private void base(int id, int encoding) {
    head(DieShape.BASE, btf.nameOffset(id), 0, false);
    out.u8((int) btf.size(id)).u8(encoding);
  }

  private int encoding(int id) {
    if (btf.intBool(id)) {
      return BOOLEAN;
    }
    String name = btf.name(id);
    boolean character =
        btf.intChar(id)
            || name.equals("char")
            || name.equals("signed char")
            || name.equals("unsigned char");
    if (character && btf.size(id) == 1) {
      return btf.intSigned(id) ? SIGNED_CHAR : UNSIGNED_CHAR;
    }
    return btf.intSigned(id) ? SIGNED : UNSIGNED;
  }

  /** An array; {@code int x[2][3]} is one of arrays, as BTF has it. */
  private void array(int of, int index, long count) {
    head(DieShape.ARRAY, 0, of, true);
    // BTF has x[0] and x[] as one; in today's kernels it is nearly always the second.
    head(count == 0 ? DieShape.UNBOUNDED_SUBRANGE : DieShape.SUBRANGE, 0, index, false);
    if (count != 0) {
      out.uleb(count);
    }
    out.u8(0);
  }

  private void composite(DieShape shape, int id) {
    int vlen = btf.vlen(id);
    head(shape, btf.nameOffset(id), 0, vlen > 0);
    out.uleb(btf.size(id));
    for (int i = 0; i < vlen; i++) {
      int bits = btf.memberBits(id, i);
      long bit = btf.memberBit(id, i);
      head(
          bits == 0 ? DieShape.MEMBER : DieShape.BIT_FIELD,
          btf.elementName(id, i),
          btf.elementType(id, i),
          false);
      if (bits == 0) {
        out.uleb(bit / 8);
      } else {
        out.u8(bits).uleb(bit);
      }
    }
    if (vlen > 0) {
      out.u8(0);
    }
  }

  private void enumeration(int id) {
    int vlen = btf.vlen(id);
    head(DieShape.ENUMERATION, btf.nameOffset(id), 0, vlen > 0);
    out.u8((int) btf.size(id));
    for (int i = 0; i < vlen; i++) {
      long value = btf.enumValue(id, i);
      boolean signed = value < 0 && btf.enumSigned(id);
      head(
          signed ? DieShape.SIGNED_ENUMERATOR : DieShape.ENUMERATOR,
          btf.elementName(id, i),
          0,
          false);
      if (signed) {
        out.sleb(value);
      } else {
        out.uleb(value);
      }
    }
    if (vlen > 0) {
      out.u8(0);
    }
  }

  /** Children of a function or its type, with the end of the children. */
  void parameters(int prototype) {
    int vlen = btf.vlen(prototype);
    for (int i = 0; i < vlen; i++) {
      int name = btf.elementName(prototype, i);
      int type = btf.elementType(prototype, i);
      boolean more = i == vlen - 1 && name == 0 && type == 0;
      head(more ? DieShape.UNSPECIFIED_PARAMETERS : DieShape.PARAMETER, name, type, false);
    }
    out.u8(0);
  }

  /** The start of an entry: its code, its name when that is not 0, its type when not void. */
  void head(DieShape shape, int name, int type, boolean children) {
    head(shape, 0, type, children, name == 0 ? 0 : strings.of(name));
  }

  /** The same; {@code string} is an offset in .debug_str itself, 0 for no name. */
  void head(DieShape shape, int parts, int type, boolean children, int string) {
    int shown = shown(type);
    out.uleb(
        shape.code(
            parts
                | (string == 0 ? 0 : DieShape.NAMED)
                | (shown == 0 ? 0 : DieShape.TYPED)
                | (children ? DieShape.CHILDREN : 0)));
    if (string != 0) {
      out.u32(string);
    }
    if (shown != 0) {
      if (referenceCount == references.length) {
        references = Arrays.copyOf(references, 2 * referenceCount);
      }
      references[referenceCount++] = out.size();
      out.u32(shown);
    }
  }

  /** The start of an entry whose type is the entry at {@code die}, which is written already. */
  void headOf(DieShape shape, int string, int die, boolean children) {
    head(shape, DieShape.TYPED, 0, children, string);
    out.u32(die);
  }

  /** Puts places of entries where numbers of types stand. */
  void patch() {
    for (int i = 0; i < referenceCount; i++) {
      out.setInt(references[i], dies[out.getInt(references[i])]);
    }
    referenceCount = 0;
  }
}
