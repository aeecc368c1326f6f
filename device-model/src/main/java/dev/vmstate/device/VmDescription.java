package dev.vmstate.device;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The schema a stream carries about itself: the JSON behind the VMDESCRIPTION record, as {@code
 * migration/savevm.c} and {@code migration/vmstate.c} write it.
 *
 * @param pageSize the target's page size
 * @param devices one description per device section, in the order they were written
 */
public record VmDescription(long pageSize, List<Device> devices) {
  public VmDescription {
    devices = List.copyOf(devices);
  }

  /**
   * One device section.
   *
   * @param name the section's idstr
   * @param instance its instance_id
   * @param body fields and subsections; {@code body.name()} is empty for old-style sections
   */
  public record Device(String name, long instance, Struct body) {}

  /**
   * A vmsd: fields in order, then subsections.
   *
   * @param name vmsd_name
   * @param version -1 when the JSON has none (old-style sections)
   * @param ambiguous the JSON described it twice (qtailq elements repeat their keys): only sizes
   *     can be believed
   */
  public record Struct(
      String name, long version, List<Entry> fields, List<Struct> subsections, boolean ambiguous) {
    public Struct {
      fields = List.copyOf(fields);
      subsections = List.copyOf(subsections);
    }

    /**
     * Bytes of fields and subsections together.
     *
     * @throws ArithmeticException when the JSON's numbers overflow
     */
    public long wireSize() {
      long size = 0;
      for (Entry field : fields) {
        size = Math.addExact(size, field.wireSize());
      }
      for (Struct subsection : subsections) {
        size = Math.addExact(size, subsection.framingSize());
        size = Math.addExact(size, subsection.wireSize());
      }
      return size;
    }

    /** Bytes before a subsection's fields: 0x05, counted name, u32 version. */
    public long framingSize() {
      return 1 + 1 + name.length() + 4L;
    }
  }

  /**
   * One entry of a vmsd's field list.
   *
   * @param size bytes of one element, nested subsections included
   * @param count array_len, or 1
   * @param array whether array_len was there
   * @param struct the nested description, or null
   */
  public record Entry(
      String name, String type, long size, long count, boolean array, @Nullable Struct struct) {
    /** Bytes of all elements. */
    public long wireSize() {
      return Math.multiplyExact(size, count);
    }
  }
}
