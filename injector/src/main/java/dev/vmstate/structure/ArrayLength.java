package dev.vmstate.structure;

import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.ScalarType;
import dev.vmstate.device.VmdescText;
import dev.vmstate.inject.InjectionReport;
import dev.vmstate.inject.StructureEdits;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An array or a buffer with more or fewer elements than it has, and the field that says how many
 * (QEMU's VMSTATE_VARRAY and VMSTATE_VBUFFER). vmdesc does not say which field that is, so the user
 * does, or {@link CountFields} knows.
 */
public final class ArrayLength {
  private ArrayLength() {}

  /** Whether {@code bytes} as a value of the field would change its length. */
  public static boolean differs(FieldPath target, byte[] bytes) {
    return bytes.length != target.span().length();
  }

  /**
   * Gives the field another length.
   *
   * @param bytes all of its bytes as they are to be on the wire
   * @param countField the path of the field that says how many elements there are
   */
  public static void set(
      StructureEdits edits,
      FieldPath target,
      byte[] bytes,
      Optional<String> countField,
      String origin)
      throws IOException {
    int width = target.field() instanceof Field.Array array ? array.type().width() : 1;
    boolean resizable =
        target.element() < 0
            && (target.field() instanceof Field.Array || target.field() instanceof Field.Raw);
    if (!resizable || bytes.length % width != 0 || bytes.length == 0) {
      throw new IllegalArgumentException(
          "%s: %d bytes given, it has %d%s"
              .formatted(
                  target.path(),
                  bytes.length,
                  target.span().length(),
                  width > 1 ? " (elements of %d)".formatted(width) : ""));
    }
    List<Field.Group> around = Groups.around(target.device().root(), target.field());
    FieldPath count = count(edits, target, around.get(around.size() - 1), countField);
    long before = target.span().length() / width;
    long after = bytes.length / width;
    setCount(edits, target, count, before, after);
    edits.splice(Splice.of(target.span(), bytes));
    Optional<VmdescText.Device> described = edits.described(target.device());
    if (described.isPresent()) {
      described
          .get()
          .place(around)
          .resize(target.span(), after, bytes.length - target.span().length());
    }
    edits.report(
        new InjectionReport.Structural(
            target.path(),
            "%d elements -> %d".formatted(before, after),
            target.span().offset(),
            target.span().length(),
            bytes.length,
            origin,
            notes(count, before, after)));
  }

  private static List<String> notes(FieldPath count, long before, long after) {
    List<String> notes = new ArrayList<>();
    notes.add("%s: %d -> %d".formatted(count.path(), before, after));
    if (count.type().map(ScalarType::comparedOnLoad).orElse(false)) {
      notes.add(
          "QEMU compares that field with its own while loading: one that has not as many refuses");
    }
    return notes;
  }

  @SuppressWarnings("ReferenceEquality") // one snapshot has each section once
  private static FieldPath count(
      StructureEdits edits, FieldPath target, Field.Group parent, Optional<String> named)
      throws IOException {
    if (named.isPresent()) {
      FieldPath count = FieldPath.find(edits.snapshot().devices(), named.get());
      if (!count.device().equals(target.device())) {
        throw new IllegalArgumentException(
            "%s: is a field of %s, the array one of %s"
                .formatted(count.path(), count.device().label(), target.device().label()));
      }
      return count;
    }
    Optional<String> known = CountFields.of(parent.vmsd(), target.field().name());
    for (Field field : parent.children()) {
      if (known.equals(Optional.of(field.name()))) {
        String path = target.path();
        String front = path.substring(0, path.length() - target.field().label().length());
        return new FieldPath(target.device(), field, -1, front + field.label());
      }
    }
    throw new IllegalArgumentException(
        "%s: has %d bytes, and which field says so is not known: the value must have as many, or name that field with --count-field"
            .formatted(target.path(), target.span().length()));
  }

  private static void setCount(
      StructureEdits edits, FieldPath target, FieldPath count, long before, long after)
      throws IOException {
    ScalarType type =
        count
            .type()
            .orElseThrow(
                () -> new IllegalArgumentException(count.path() + ": is no single number"));
    Span where = count.span();
    long value = type.decode(edits.snapshot().stream().bytes(where), 0);
    if (value != before) {
      throw new IllegalArgumentException(
          "%s: is %d, but %s has %d elements: it is not the field that counts them"
              .formatted(count.path(), value, target.path(), before));
    }
    edits.splice(Splice.of(where, type.encode(type.parse(Long.toString(after)))));
  }
}
