package dev.vmstate.hardware;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.ScalarType;
import dev.vmstate.device.SectionDecoder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Which element a field becomes. Writer and reader ask the same question, so they agree.
 *
 * <p>A field whose element would not give its bytes back stands as {@link #BYTES}: a {@code bool}
 * whose byte is 2 (devices do save such), a type only a built-in layout knows, a group whose
 * children leave a gap.
 */
enum FieldShape {
  /** One number. */
  INT("int"),
  /** Numbers of one type. */
  INTS("ints"),
  /** Bytes as they are. */
  BYTES("bytes"),
  /** Bytes that are text, padded with zeros. */
  TEXT("text"),
  /** A nested struct. */
  STRUCT("struct"),
  /** An optional part with framing of its own. */
  SUBSECTION("subsection");

  /** Groups nested deeper stand as bytes; the reader's parser has a limit above it. */
  static final int MAX_DEPTH = 64;

  /** Longer text stands as bytes; the reader's parser has a limit above it. */
  private static final int MAX_TEXT = 1 << 10;

  private final String element;

  FieldShape(String element) {
    this.element = element;
  }

  /** The element's name. */
  String element() {
    return element;
  }

  /** The fields of a section; a root that leaves a gap is one field of bytes. */
  static List<Field> children(DeviceSection section) {
    Field.Group root = section.root();
    if (root.body().equals(section.payload()) && tiles(root)) {
      return root.children();
    }
    return List.of(new Field.Raw("data", -1, "opaque", section.payload()));
  }

  /** The shape of {@code field}, which stands {@code depth} groups deep. */
  static FieldShape of(DeviceSection section, Field field, int depth) throws IOException {
    if (field instanceof Field.Scalar scalar) {
      boolean same =
          known(scalar.type())
              && scalar.span().length() == scalar.type().width()
              && holds(scalar.type(), scalar.value())
              && Arrays.equals(scalar.type().encode(scalar.value()), section.bytes(scalar));
      return same ? INT : BYTES;
    }
    if (field instanceof Field.Array array) {
      boolean same =
          known(array.type())
              && array.span().length() == (long) array.count() * array.type().width()
              && holdsAll(section, array);
      return same ? INTS : BYTES;
    }
    if (field instanceof Field.Group group && depth < MAX_DEPTH && tiles(group)) {
      if (group.kind() == Field.GroupKind.STRUCT && group.body().equals(group.span())) {
        return STRUCT;
      }
      if (group.kind() == Field.GroupKind.SUBSECTION && framed(section, group)) {
        return SUBSECTION;
      }
    }
    return field instanceof Field.Raw raw && text(section, raw) ? TEXT : BYTES;
  }

  /** How a path tells the elements of an array apart, as FieldPath prints it. */
  static String index(long count, long index) {
    return (count > 16 ? "[0x%x]" : "[%d]").formatted(index);
  }

  /** Whether a layout calls it text and it is: ASCII, and zeros only behind it. */
  private static boolean text(DeviceSection section, Field.Raw raw) throws IOException {
    if (!raw.type().equals("text") || raw.span().length() > MAX_TEXT) {
      return false;
    }
    boolean ended = false;
    for (byte b : section.source().bytes(raw.span())) {
      if (ended ? b != 0 : b != 0 && (b < ' ' || b > '~')) {
        return false;
      }
      ended |= b == 0;
    }
    return true;
  }

  /** What the {@code type} attribute of a field that stands as bytes says. */
  static String bytesType(Field field) {
    if (field instanceof Field.Raw raw) {
      return raw.type();
    }
    if (field instanceof Field.Scalar scalar) {
      return scalar.type().name();
    }
    return field instanceof Field.Array array ? array.type().name() : "opaque";
  }

  private static boolean known(ScalarType type) {
    return ScalarType.of(type.name()).filter(type::equals).isPresent();
  }

  private static boolean holds(ScalarType type, long value) {
    return !type.name().equals("bool") || value >>> 1 == 0;
  }

  private static boolean holdsAll(DeviceSection section, Field.Array array) throws IOException {
    if (!array.type().name().equals("bool")) {
      return true;
    }
    FieldBytes bytes = new FieldBytes(section.source(), array.span());
    for (int i = 0; i < array.count(); i++) {
      if (!holds(array.type(), bytes.u8(i))) {
        return false;
      }
    }
    return true;
  }

  private static boolean tiles(Field.Group group) {
    long at = group.body().offset();
    for (Field child : group.children()) {
      if (child.span().offset() != at) {
        return false;
      }
      at = child.span().end();
    }
    return at == group.body().end();
  }

  private static boolean framed(DeviceSection section, Field.Group group) throws IOException {
    Span span = group.span();
    long length = group.body().offset() - span.offset();
    return group.name().length() <= 255
        && length == framing(group.name(), group.version()).length
        && group.body().end() == span.end()
        && Arrays.equals(
            framing(group.name(), group.version()),
            section.source().bytes(new Span(span.offset(), length)));
  }

  /**
   * What stands before a subsection's fields: {@code 0x05 countedName u32 version} ({@code
   * migration/vmstate.c}, vmstate_subsection_save).
   */
  static byte[] framing(String name, long version) {
    byte[] text = name.getBytes(StandardCharsets.ISO_8859_1);
    byte[] framing = new byte[1 + 1 + text.length + 4];
    framing[0] = SectionDecoder.QEMU_VM_SUBSECTION;
    framing[1] = (byte) text.length;
    System.arraycopy(text, 0, framing, 2, text.length);
    for (int i = 0; i < 4; i++) {
      framing[2 + text.length + i] = (byte) (version >>> (24 - 8 * i));
    }
    return framing;
  }
}
