package dev.vmstate.core.btf;

/**
 * What a type is, numbered as in include/uapi/linux/btf.h. A kind has {@code info} bytes behind the
 * twelve that each type has, then {@code element} bytes for each of its vlen.
 */
public enum BtfKind {
  /** No type: {@code void}, number 0 of every table. */
  VOID(0, 0),
  INT(4, 0),
  PTR(0, 0),
  ARRAY(12, 0),
  STRUCT(0, 12),
  UNION(0, 12),
  ENUM(0, 8),
  FWD(0, 0),
  TYPEDEF(0, 0),
  VOLATILE(0, 0),
  CONST(0, 0),
  RESTRICT(0, 0),
  FUNC(0, 0),
  FUNC_PROTO(0, 8),
  VAR(4, 0),
  DATASEC(0, 12),
  FLOAT(0, 0),
  DECL_TAG(4, 0),
  TYPE_TAG(0, 0),
  ENUM64(0, 12),
  LOC_PARAM(4, 4),
  LOC_PROTO(0, 4),
  LOCSEC(0, 12),
  /** Newer than this code; passed over by the sizes the table's layout section gives. */
  UNKNOWN(-1, -1);

  private static final BtfKind[] KINDS = values();

  private final int info;
  private final int element;

  BtfKind(int info, int element) {
    this.info = info;
    this.element = element;
  }

  static BtfKind of(int number) {
    return number < UNKNOWN.ordinal() ? KINDS[number] : UNKNOWN;
  }

  int info() {
    return info;
  }

  int element() {
    return element;
  }

  /** Whether it is another type with an attribute or another name. */
  public boolean isModifier() {
    return switch (this) {
      case TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG -> true;
      default -> false;
    };
  }

  /** Whether bytes 8 to 11 of the type are the number of another type. */
  boolean refers() {
    return switch (this) {
      case PTR,
          TYPEDEF,
          VOLATILE,
          CONST,
          RESTRICT,
          FUNC,
          FUNC_PROTO,
          VAR,
          DECL_TAG,
          TYPE_TAG,
          LOC_PROTO ->
          true;
      default -> false;
    };
  }

  /** Whether it has members. */
  public boolean isComposite() {
    return this == STRUCT || this == UNION;
  }
}
