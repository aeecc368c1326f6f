package dev.vmstate.device;

import dev.vmstate.bytes.Span;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

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

  /**
   * Names of what it holds, where a layout has any.
   *
   * @param element an array's element, or -1 for the field as a whole
   */
  default Optional<Meaning> meaning(int element) {
    return Optional.empty();
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

    /**
     * Bytes that a built-in layout has taken apart: {@code vmsd} is then vmdesc's type of the
     * whole, or the layout's name of a part. It can still be set as a whole, and by byte.
     */
    public boolean refined() {
      return kind == GroupKind.STRUCT && version < 0;
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.group(this);
    }
  }

  /**
   * Names of an array's elements.
   *
   * @param all those of every element, or null
   * @param single those of certain elements, which come first
   */
  record Elements(@Nullable Meaning all, Map<Integer, Meaning> single) {
    Optional<Meaning> of(int element) {
      return Optional.ofNullable(single.getOrDefault(element, all));
    }
  }

  /** One number; {@code value} is sign-extended where the type has a sign. */
  record Scalar(
      String name, int index, ScalarType type, Span span, long value, @Nullable Meaning named)
      implements Field {
    /** A number without names. */
    public Scalar(String name, int index, ScalarType type, Span span, long value) {
      this(name, index, type, span, value, null);
    }

    @Override
    public Optional<Meaning> meaning(int element) {
      return Optional.ofNullable(named);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.scalar(this);
    }
  }

  /** {@code count} numbers of one type; no object per element. */
  record Array(
      String name, int index, ScalarType type, int count, Span span, @Nullable Elements named)
      implements Field {
    /** Numbers without names. */
    public Array(String name, int index, ScalarType type, int count, Span span) {
      this(name, index, type, count, span, null);
    }

    @Override
    public Optional<Meaning> meaning(int element) {
      return named == null ? Optional.empty() : named.of(element);
    }

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
   * @param type vmdesc's type, e.g. {@code buffer}, {@code pci config}, {@code virtio}; of a part
   *     that a layout leaves, {@code buffer}, {@code text}, {@code unused} (zeros where nothing is
   *     named) or {@code unnamed} (other bytes there)
   * @param note why no layout for it fits, or empty
   * @param named help, or null
   */
  record Raw(String name, int index, String type, Span span, String note, @Nullable Meaning named)
      implements Field {
    /** Bytes that nothing is to be said of. */
    public Raw(String name, int index, String type, Span span) {
      this(name, index, type, span, "", null);
    }

    @Override
    public Optional<Meaning> meaning(int element) {
      return Optional.ofNullable(named);
    }

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
