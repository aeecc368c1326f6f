package dev.vmstate.schema;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A description before it is laid over bytes: where a schema leaves open how long something is or
 * whether it is there, all that it can be.
 *
 * @param name vmsd_name; what follows a struct's fields is a subsection of it if its name starts so
 * @param version the version it describes
 */
record Pattern(String name, long version, List<Part> parts) {
  Pattern {
    parts = List.copyOf(parts);
  }

  /**
   * A field.
   *
   * @param type as vmdesc spells it
   * @param sizes bytes of one element, likeliest first
   * @param count elements
   * @param array whether it is an array, of one element perhaps
   * @param countOpen whether there may be another number of them, which a field before it says
   * @param optional whether it may be missing
   * @param presentIf the field before it that says so by being other than 0, or null when nobody
   *     knows
   * @param stretches whether it is the whole section, as long as that is
   * @param shapes what its elements are made of, likeliest first; empty when it is no struct
   */
  record Part(
      String name,
      String type,
      List<Long> sizes,
      long count,
      boolean array,
      boolean countOpen,
      boolean optional,
      @Nullable String presentIf,
      boolean stretches,
      List<Pattern> shapes) {
    Part {
      sizes = List.copyOf(sizes);
      shapes = List.copyOf(shapes);
    }

    /** A field of which nothing is open. */
    static Part plain(String name, String type, long size, long count, boolean array) {
      return new Part(
          name, type, List.of(size), count, array, false, false, null, false, List.of());
    }
  }

  /**
   * Fields whose presence another field tells: {@code hw/ide/core.c}, is_identify_set. Without it
   * nobody could say which of four disks was identified.
   *
   * @param struct vmsd_name
   * @param tells the field that is other than 0
   * @param field the one that is there then
   * @param size its bytes
   */
  record Condition(String struct, String tells, String field, long size) {
    static final Condition IDENTIFY_DATA =
        new Condition("ide_drive", "identify_set", "identify_data", 512);

    Part part() {
      return new Part(
          field, "buffer", List.of(size), 1, false, false, true, tells, false, List.of());
    }
  }

  /** Finds subsections by their names. */
  @FunctionalInterface
  interface Subsections {
    /** The subsection, or null when nobody has seen one of that name and version. */
    @Nullable Pattern find(String name, long version);
  }
}
