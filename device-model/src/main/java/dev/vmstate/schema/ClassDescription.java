package dev.vmstate.schema;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A vmsd as {@code -dump-vmstate} prints it: every field and every subsection there can be, without
 * the state that decides which of them a stream has.
 *
 * @param name vmsd_name, e.g. {@code e1000}
 * @param version what this QEMU writes, and the highest it reads
 * @param minimum the lowest it reads
 */
public record ClassDescription(
    String name,
    long version,
    long minimum,
    List<DescribedField> fields,
    List<ClassDescription> subsections) {
  public ClassDescription {
    fields = List.copyOf(fields);
    subsections = List.copyOf(subsections);
  }

  /**
   * A field.
   *
   * @param version the section's version since which it is there
   * @param conditional field_exists: a function of the device's own decides whether it is there
   * @param count elements of a fixed array, or 0: no array, an array of varying length, or a QEMU
   *     before 10.0, which does not say
   * @param size sizeof what holds it in QEMU's memory; that is its size in a stream for numbers and
   *     buffers, not for structs
   * @param struct what describes its elements, or null
   */
  public record DescribedField(
      String name,
      long version,
      boolean conditional,
      long count,
      long size,
      @Nullable ClassDescription struct) {}
}
