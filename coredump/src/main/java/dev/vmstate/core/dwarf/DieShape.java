package dev.vmstate.core.dwarf;

/**
 * Every kind of debugging information entry written here: its tag and attributes. A name, a type
 * and children may be missing, each shape stands eight times in .debug_abbrev. The commonest come
 * first: codes under 128 have one byte.
 */
enum DieShape {
  MEMBER(0x0d, 0x38, 0x0f), // data_member_location: udata
  PARAMETER(0x05),
  POINTER(0x0f, 0x0b, 0x0b), // byte_size: data1
  SUBPROGRAM(0x2e, 0x11, 0x01, 0x12, 0x06, 0x27, 0x19), // low_pc, high_pc: data4, prototyped
  EXTERNAL_SUBPROGRAM(0x2e, 0x11, 0x01, 0x12, 0x06, 0x27, 0x19, 0x3f, 0x19),
  STRUCTURE(0x13, 0x0b, 0x0f), // byte_size: udata
  ENUMERATOR(0x28, 0x1c, 0x0f), // const_value: udata
  SIGNED_ENUMERATOR(0x28, 0x1c, 0x0d), // const_value: sdata
  SUBROUTINE_TYPE(0x15, 0x27, 0x19), // prototyped
  ARRAY(0x01),
  SUBRANGE(0x21, 0x37, 0x0f), // count: udata
  UNBOUNDED_SUBRANGE(0x21),
  TYPEDEF(0x16),
  BIT_FIELD(0x0d, 0x0d, 0x0b, 0x6b, 0x0f), // bit_size: data1, data_bit_offset: udata
  UNION(0x17, 0x0b, 0x0f),
  VARIABLE(0x34, 0x02, 0x18), // location: exprloc
  EXTERNAL_VARIABLE(0x34, 0x02, 0x18, 0x3f, 0x19), // external
  CONST(0x26),
  VOLATILE(0x35),
  RESTRICT(0x37),
  ENUMERATION(0x04, 0x0b, 0x0b), // byte_size: data1
  BASE(0x24, 0x0b, 0x0b, 0x3e, 0x0b), // byte_size, encoding: data1
  DECLARED_STRUCTURE(0x13, 0x3c, 0x19), // declaration
  DECLARED_UNION(0x17, 0x3c, 0x19),
  UNSPECIFIED_PARAMETERS(0x18),
  /** producer: strp, language: data2, low_pc: addr 0, ranges: sec_offset. */
  UNIT(0x11, 0x25, 0x0e, 0x13, 0x05, 0x11, 0x01, 0x55, 0x17),
  /** The same of a unit without code. */
  DATA_UNIT(0x11, 0x25, 0x0e, 0x13, 0x05);

  static final int NAMED = 1;
  static final int TYPED = 2;
  static final int CHILDREN = 4;

  private static final int FORM_REF_ADDR = 0x10;
  private static final int FORM_REF4 = 0x13;

  private final int tag;
  private final int[] attributes;

  /** {@code attributes}: number and form, in turns. */
  DieShape(int tag, int... attributes) {
    this.tag = tag;
    this.attributes = attributes;
  }

  /** The abbreviation's code. */
  int code(int parts) {
    return 8 * ordinal() + parts + 1;
  }

  /**
   * One table. Types are referred to inside the unit, or from the start of .debug_info: the first
   * unit starts there, so both are the same number for its types, in the same four bytes.
   */
  static void writeTable(LittleBytes out, boolean acrossUnits) {
    for (DieShape shape : values()) {
      for (int parts = 0; parts < 8; parts++) {
        out.uleb(shape.code(parts)).uleb(shape.tag).u8((parts & CHILDREN) == 0 ? 0 : 1);
        if ((parts & NAMED) != 0) {
          out.uleb(0x03).uleb(0x0e); // name: strp
        }
        if ((parts & TYPED) != 0) {
          out.uleb(0x49).uleb(acrossUnits ? FORM_REF_ADDR : FORM_REF4);
        }
        for (int value : shape.attributes) {
          out.uleb(value);
        }
        out.uleb(0).uleb(0);
      }
    }
    out.u8(0);
  }
}
