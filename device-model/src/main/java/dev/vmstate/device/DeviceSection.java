package dev.vmstate.device;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import java.io.IOException;

/**
 * One device's section of a stream: its header, its bytes, and the tree laid over them.
 *
 * @param name the idstr, e.g. {@code 0000:00:03.0/e1000}
 * @param instance instance_id
 * @param version version_id
 * @param record header, payload and footer
 * @param payload the device's own bytes
 * @param decoded how the tree was made
 * @param note why the tree is opaque, or empty
 * @param root the tree; covers {@code payload} without gaps
 * @param source the stream
 */
public record DeviceSection(
    String name,
    long instance,
    long version,
    Span record,
    Span payload,
    Decoded decoded,
    String note,
    Field.Group root,
    ByteSource source) {

  /** Where the tree came from. */
  public enum Decoded {
    /** The stream's own vmdesc. */
    VMDESC("vmdesc"),
    /** A built-in layout. */
    MODEL("model"),
    /** Nothing describes it. */
    OPAQUE("opaque");

    private final String text;

    Decoded(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Name for people and paths: the instance is named only where it is not 0. */
  public String label() {
    return instance == 0 ? name : name + "[" + instance + "]";
  }

  /** The bytes of a field. */
  public byte[] bytes(Field field) throws IOException {
    return source.bytes(field.span());
  }

  /** Element {@code i} of an array, sign-extended where the type has a sign. */
  public long element(Field.Array array, int i) throws IOException {
    return array.type().decode(source.bytes(array.element(i)), 0);
  }
}
