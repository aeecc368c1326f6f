package dev.vmstate.device;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Lays a vmdesc description over a section's bytes.
 *
 * <pre>
 * Section    ::= Entry* Subsection*
 * Subsection ::= 0x05 countedName u32 version Entry* Subsection*
 * Entry      ::= count × element, each {@code size} bytes, nested subsections included
 * </pre>
 *
 * <p>Source: {@code migration/vmstate.c} (vmstate_save_state_v, vmstate_subsection_save). What does
 * not add up is kept as {@link Field.Raw}, never guessed at: an array of pointers with NULL slots
 * is described by its first slot alone (s390 {@code css}), so the sum tells.
 */
public final class SectionDecoder {
  /** The byte that opens a subsection. */
  public static final int QEMU_VM_SUBSECTION = 0x05;

  /** How many entries are laid over bytes at most; what comes after stays bytes. */
  public static final class Budget {
    /** A guest with hundreds of CPUs has half as many. */
    private int left = 1 << 20;

    /** Room for all sections of one stream. */
    public Budget() {}

    /** Takes room for {@code more} fields; false when there is not as much. */
    public boolean take(long more) {
      if (more > left) {
        return false;
      }
      left -= (int) more;
      return true;
    }
  }

  private static final int MAX_DEPTH = 64;
  private final Cursor in;
  private final Map<VmDescription.Entry, Boolean> explained = new IdentityHashMap<>();
  private final Budget budget;

  private SectionDecoder(Cursor in, Budget budget) {
    this.in = in;
    this.budget = budget;
  }

  /** Decodes {@code payload} with a budget of its own. */
  public static Field.Group decode(
      ByteSource source, Span payload, String name, VmDescription.Struct description)
      throws IOException {
    return decode(source, payload, name, description, new Budget());
  }

  /**
   * Decodes {@code payload}.
   *
   * @param budget shared by the sections of a stream, so that a small file cannot ask for a huge
   *     tree
   * @return the tree, covering {@code payload} without gaps
   * @throws FormatException when the description and the bytes disagree
   */
  public static Field.Group decode(
      ByteSource source, Span payload, String name, VmDescription.Struct description, Budget budget)
      throws IOException {
    Cursor in = new Cursor(source, source.name() + ": " + name, payload);
    SectionDecoder decoder = new SectionDecoder(in, budget);
    Field.Group group =
        decoder.group(name, -1, Field.GroupKind.SECTION, description, payload.offset(), 0);
    if (in.remaining() != 0) {
      throw in.bad(
          "vmdesc accounts for 0x%x of 0x%x bytes"
              .formatted(payload.length() - in.remaining(), payload.length()));
    }
    return group;
  }

  /** A section nothing describes: one {@link Field.Raw}. */
  public static Field.Group opaque(Span payload, String name) {
    List<Field> children =
        payload.length() == 0 ? List.of() : List.of(new Field.Raw("data", -1, "opaque", payload));
    return new Field.Group(name, -1, Field.GroupKind.SECTION, "", -1, payload, payload, children);
  }

  private Field.Group group(
      String name,
      int index,
      Field.GroupKind kind,
      VmDescription.Struct description,
      long start,
      int depth)
      throws IOException {
    if (depth > MAX_DEPTH) {
      throw in.bad("structs nested deeper than " + MAX_DEPTH);
    }
    long body = in.position();
    List<Field> children = new ArrayList<>();
    count(description.fields().size());
    Set<String> names = new HashSet<>();
    Map<String, Integer> repeated = new HashMap<>();
    for (VmDescription.Entry entry : description.fields()) {
      if (!names.add(entry.name())) {
        repeated.put(entry.name(), 0);
      }
    }
    for (VmDescription.Entry entry : description.fields()) {
      Integer next = repeated.computeIfPresent(entry.name(), (key, seen) -> seen + 1);
      entry(entry, next == null ? -1 : next - 1, children, depth);
    }
    for (VmDescription.Struct subsection : description.subsections()) {
      children.add(subsection(subsection, depth));
    }
    return new Field.Group(
        name,
        index,
        kind,
        description.name(),
        description.version(),
        new Span(start, in.position() - start),
        new Span(body, in.position() - body),
        children);
  }

  private Field.Group subsection(VmDescription.Struct description, int depth) throws IOException {
    long start = in.position();
    int mark = in.u8("subsection mark");
    if (mark != QEMU_VM_SUBSECTION) {
      throw in.bad(
          "0x%02x where subsection '%s' should start with 0x05"
              .formatted(mark, description.name()));
    }
    String name = in.countedString("subsection name");
    if (!name.equals(description.name())) {
      throw in.bad("subsection '%s' where vmdesc has '%s'".formatted(name, description.name()));
    }
    long version = in.u32("subsection version");
    if (version != description.version()) {
      throw in.bad(
          "subsection '%s' is version %d, vmdesc says %d"
              .formatted(name, version, description.version()));
    }
    count(1);
    return group(name, -1, Field.GroupKind.SUBSECTION, description, start, depth + 1);
  }

  private void entry(VmDescription.Entry entry, int ordinal, List<Field> into, int depth)
      throws IOException {
    long size;
    try {
      size = entry.wireSize();
    } catch (ArithmeticException e) {
      throw in.bad("'%s': size times array_len overflows".formatted(entry.name()));
    }
    if (size == 0) {
      return; // an array without elements prints nothing; "fd" has no bytes either
    }
    ScalarType type = ScalarType.of(entry.type()).orElse(null);
    VmDescription.Struct nested = entry.struct();
    if (type != null && type.width() == entry.size()) {
      if (entry.array()) {
        Span span = in.skip(size, entry.name());
        into.add(new Field.Array(entry.name(), ordinal, type, elements(entry), span));
      } else {
        Span span = new Span(in.position(), size);
        into.add(new Field.Scalar(entry.name(), ordinal, type, span, scalar(type, entry.name())));
      }
    } else if (nested == null
        || nested.fields().isEmpty()
        || nested.ambiguous()
        || !adds(entry, nested)) {
      into.add(new Field.Raw(entry.name(), ordinal, entry.type(), in.skip(size, entry.name())));
    } else {
      int elements = elements(entry);
      for (int i = 0; i < elements; i++) {
        count(1);
        int index = entry.array() ? i : ordinal;
        into.add(
            group(entry.name(), index, Field.GroupKind.STRUCT, nested, in.position(), depth + 1));
      }
    }
  }

  private long scalar(ScalarType type, String name) throws IOException {
    long value =
        switch (type.width()) {
          case 1 -> in.u8(name);
          case 2 -> in.u16(name);
          case 4 -> in.u32(name);
          default -> in.u64(name);
        };
    int unused = 64 - 8 * type.width();
    return type.signed() ? value << unused >> unused : value;
  }

  /** Whether the nested description explains exactly the bytes of one element. */
  private boolean adds(VmDescription.Entry entry, VmDescription.Struct nested) {
    return explained.computeIfAbsent(
        entry,
        key -> {
          try {
            return nested.wireSize() == entry.size();
          } catch (ArithmeticException e) {
            return false;
          }
        });
  }

  private int elements(VmDescription.Entry entry) throws FormatException {
    if (entry.count() > Integer.MAX_VALUE) {
      throw in.bad("'%s' has %d elements".formatted(entry.name(), entry.count()));
    }
    return (int) entry.count();
  }

  private void count(int more) throws FormatException {
    if (!budget.take(more)) {
      throw in.bad("too many fields, so the section is kept as bytes");
    }
  }
}
