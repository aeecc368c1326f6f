package dev.vmstate.layout;

import dev.vmstate.device.ScalarType;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One line of a table, or one block. {@link LayoutReader} has the grammar. */
sealed interface Item {
  /** What a number must be for the layout to fit: from {@code least} to {@code most}. */
  record Range(Expression least, Expression most) {}

  /**
   * A number, or numbers.
   *
   * @param type null for one in the guest's byte order, which the value {@code big} tells
   * @param width its bytes
   */
  record Number(
      @Nullable ScalarType type,
      int width,
      String name,
      @Nullable Expression count,
      @Nullable Range range,
      Naming naming)
      implements Item {}

  /** Bytes; {@code type} is {@code buffer}, {@code text} or {@code unused}. */
  record Bytes(String type, String name, Expression length, Naming naming) implements Item {}

  /**
   * Fields in a group of their own; {@code count} times, or as long as {@code again} holds.
   *
   * @param vmsd the group's type
   * @param fold from which element on equal ones at the end are kept as bytes; null for none
   */
  record Group(
      String name,
      String vmsd,
      Block items,
      @Nullable Expression count,
      @Nullable Expression again,
      @Nullable Expression fold)
      implements Item {}

  /** Fields of this group that are there only if. */
  record When(Expression condition, Block then, Block otherwise) implements Item {}

  /**
   * An optional part with framing of its own.
   *
   * @param as what expressions call it, or null
   * @param needed QEMU's rule in its own words, or empty
   * @param condition the rule where it can be computed, or null
   */
  record Subsection(
      String name,
      long version,
      @Nullable String as,
      String needed,
      @Nullable Expression condition,
      Block items)
      implements Item {}

  /**
   * A region of fixed size whose fields stand at offsets.
   *
   * @param vmsd the group's type
   * @param cut whether the region may end before the items do; the rest is not there then
   */
  record Overlay(@Nullable String name, String vmsd, Expression size, boolean cut, Block items)
      implements Item {}

  /** The next field stands at this offset of the region. */
  record At(Expression offset, Item item) implements Item {}

  /**
   * A linked list of structures in an overlay.
   *
   * @param offsets where one may start
   * @param until where the last one has to end; null for the region's end
   * @param again what must hold for the list to go on
   */
  record Chain(
      Expression first,
      Expression id,
      Expression next,
      Range offsets,
      @Nullable Expression until,
      @Nullable Expression again,
      Map<Long, Link> links,
      @Nullable Link otherwise)
      implements Item {}

  /** What a structure of a chain is. */
  record Link(String name, String vmsd, Block items) {}

  /** Fields of a named struct, as if they stood here. */
  record Use(Block items) implements Item {}

  /** What must hold for the layout to fit. */
  record Check(Expression condition, String message) implements Item {}

  /** A value without bytes. */
  record Let(String name, Expression value) implements Item {}

  /** Items in order; a named one is read before all that use it are. */
  final class Block {
    private List<Item> items = List.of();

    List<Item> items() {
      return items;
    }

    void fill(List<Item> all) {
      items = List.copyOf(all);
    }
  }
}
