package dev.vmstate.device;

import dev.vmstate.bytes.Span;
import java.util.List;

/**
 * A named value of a device and the bytes it came from.
 *
 * <p>{@code index} is the ordinal among siblings of the same name, or -1 for a name that stands
 * once. Names are QEMU's own and may themselves hold brackets, dots and slashes ({@code
 * mac_reg[CTRL]}, {@code tx.data}, {@code e1000/full_mac_state}).
 */
public sealed interface Field {
  /** QEMU's name for it. */
  String name();

  /** Ordinal among siblings of the same name, or -1. */
  int index();

  /** Where its bytes stand in the stream. */
  Span span();

  /** What a person types for it: the name, and the index where there is one. */
  default String label() {
    return index() < 0 ? name() : name() + "[" + index() + "]";
  }

  /** Dispatches on the kind; a new kind breaks every visitor at compile time. */
  <R> R accept(Visitor<R> visitor);

  /** What a group is in QEMU's terms. */
  enum GroupKind {
    /** The section itself. */
    SECTION,
    /** A nested struct: no framing of its own on the wire. */
    STRUCT,
    /** An optional part: {@code 0x05}, counted name, version, fields. */
    SUBSECTION
  }

  /**
   * Fields that belong together.
   *
   * @param kind section, struct or subsection
   * @param vmsd QEMU's name of the description, may be empty
   * @param version the description's version
   * @param body the bytes of the children, without a subsection's framing
   */
  record Group(
      String name,
      int index,
      GroupKind kind,
      String vmsd,
      long version,
      Span span,
      Span body,
      List<Field> children)
      implements Field {
    public Group {
      children = List.copyOf(children);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.group(this);
    }
  }

  /** One number; {@code value} is sign-extended where the type has a sign. */
  record Scalar(String name, int index, ScalarType type, Span span, long value) implements Field {
    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.scalar(this);
    }
  }

  /** {@code count} numbers of one type; no object per element. */
  record Array(String name, int index, ScalarType type, int count, Span span) implements Field {
    /** Where element {@code i} stands. */
    public Span element(int i) {
      return span.at((long) i * type.width(), type.width());
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.array(this);
    }
  }

  /**
   * Bytes: a buffer, or what no schema explains.
   *
   * @param type vmdesc's type, e.g. {@code buffer}, {@code pci config}, {@code virtio}
   */
  record Raw(String name, int index, String type, Span span) implements Field {
    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.raw(this);
    }
  }

  /** One method per kind of field. */
  interface Visitor<R> {
    /** A section, struct or subsection. */
    R group(Group group);

    /** One number. */
    R scalar(Scalar scalar);

    /** Numbers of one type. */
    R array(Array array);

    /** Bytes. */
    R raw(Raw raw);
  }
}
