package dev.vmstate.hardware;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.Meaning;
import dev.vmstate.device.NamedNumber;
import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The fields of one device side by side with its elements; a changed value becomes an edit. */
final class FieldLockStep {
  private final DeviceSection section;
  private final XmlPlace place;
  private final EditSet edits;

  /** What is left of the groups the reader is in, innermost last. */
  private final Deque<Iterator<Field>> groups = new ArrayDeque<>();

  /** The array read last, which elements may follow. */
  private Field.@Nullable Array array;

  FieldLockStep(DeviceSection section, XmlPlace place, EditSet edits) {
    this.section = section;
    this.place = place;
    this.edits = edits;
    groups.addLast(FieldShape.children(section).iterator());
  }

  void number(HardwareXmlHandler.Tag tag, ScalarType type, long value, @Nullable DerivedNames names)
      throws IOException {
    Field.Scalar scalar = (Field.Scalar) next(tag, FieldShape.INT);
    same("type", type.name(), scalar.type().name(), tag.line());
    long agreed =
        DerivedNames.agree(
            names,
            NamedNumber.of(type, scalar.meaning(-1)),
            value,
            scalar.value(),
            place,
            tag.line());
    if (agreed != scalar.value()) {
      add(type, scalar.span(), place.path(), agreed, tag.line());
    }
  }

  /** One value of the array before it, which must be there in the document and the snapshot. */
  void element(
      HardwareXmlHandler.Element element, ScalarType type, long value, @Nullable DerivedNames names)
      throws IOException {
    Field.Array of = array;
    if (of == null || element.index() >= of.count()) {
      throw place.bad(element.line(), "the array before it has no such value");
    }
    int index = (int) element.index();
    Optional<Meaning> meaning = of.meaning(index);
    if (!element.called().isEmpty()) {
      same("name", element.called(), meaning.map(Meaning::name).orElse(""), element.line());
    }
    Span span = of.element(index);
    long stored = type.decode(section.source().bytes(span), 0);
    long agreed =
        DerivedNames.agree(
            names, NamedNumber.of(type, meaning), value, stored, place, element.line());
    if (agreed != stored) {
      add(type, span, place.path(), agreed, element.line());
    }
  }

  ValueSink numbers(HardwareXmlHandler.Tag tag, ScalarType type, int count) throws IOException {
    Field.Array array = (Field.Array) next(tag, FieldShape.INTS);
    same("type", type.name(), array.type().name(), tag.line());
    same("count", count, array.count(), tag.line());
    this.array = array;
    FieldBytes stored = new FieldBytes(section.source(), array.span());
    return new ValueSink() {
      @Override
      public void run(long first, long repeat, long value, int line) throws IOException {
        for (long i = first; i < first + repeat; i++) {
          if (stored.number(type, i) != value) {
            String path = place.path() + FieldShape.index(count, i);
            add(type, array.element((int) i), path, value, line);
          }
        }
      }

      @Override
      public void end() {}
    };
  }

  ValueSink bytes(HardwareXmlHandler.Tag tag, String type, long size) throws IOException {
    Field field = next(tag, FieldShape.BYTES);
    same("type", type, FieldShape.bytesType(field), tag.line());
    same("size", size, field.span().length(), tag.line());
    return new ByteRangeEdits(section.source(), field.span(), place, edits);
  }

  /** As bytes: the document says the same in another way. */
  ValueSink text(HardwareXmlHandler.Tag tag, String type, long size) throws IOException {
    Field field = next(tag, FieldShape.TEXT);
    same("type", type, FieldShape.bytesType(field), tag.line());
    same("size", size, field.span().length(), tag.line());
    return new ByteRangeEdits(section.source(), field.span(), place, edits);
  }

  void struct(HardwareXmlHandler.Tag tag, String vmsd) throws IOException {
    Field.Group group = (Field.Group) next(tag, FieldShape.STRUCT);
    same("type", vmsd, group.vmsd(), tag.line());
    groups.addLast(group.children().iterator());
  }

  void subsection(HardwareXmlHandler.Tag tag, long version) throws IOException {
    Field.Group group = (Field.Group) next(tag, FieldShape.SUBSECTION);
    same("version", version, group.version() & 0xffff_ffffL, tag.line());
    groups.addLast(group.children().iterator());
  }

  /** The end of the innermost group, or of the device. */
  void end(int line) throws IOException {
    Iterator<Field> left = groups.removeLast();
    if (left.hasNext()) {
      throw place.bad(line, "'%s' is missing before this end tag".formatted(left.next().label()));
    }
  }

  /** The snapshot's next field, which must be the one the element is about. */
  private Field next(HardwareXmlHandler.Tag tag, FieldShape found) throws IOException {
    Iterator<Field> left = groups.getLast();
    if (!left.hasNext()) {
      throw place.bad(tag.line(), "the snapshot has no such field here; fields cannot be added");
    }
    Field field = left.next();
    if (!tag.name().equals(field.name()) || tag.index() != field.index()) {
      throw place.bad(
          tag.line(),
          "stands where the snapshot has '%s'; fields cannot be added, removed, renamed or moved"
              .formatted(field.label()));
    }
    FieldShape expected = FieldShape.of(section, field, groups.size() - 1);
    if (found != expected) {
      throw place.bad(
          tag.line(),
          "is <%s> in the document, <%s> in the snapshot"
              .formatted(found.element(), expected.element()));
    }
    return field;
  }

  private void add(ScalarType type, Span where, String path, long value, int line)
      throws IOException {
    FieldEdit edit =
        FieldEdit.of(
            path, where, section.source().bytes(where), type.encode(value), place.origin(line));
    edits.add(
        type.comparedOnLoad()
            ? edit.withNote(
                "the destination compares this with its own value and refuses another (type '%s')"
                    .formatted(type.name()))
            : edit);
  }

  private void same(String what, Object found, Object expected, int line) throws IOException {
    if (!found.equals(expected)) {
      throw place.bad(
          line,
          "%s is '%s' in the document, '%s' in the snapshot: only values may be changed"
              .formatted(what, found, expected));
    }
  }
}
