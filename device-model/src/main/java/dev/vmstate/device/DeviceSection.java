package dev.vmstate.device;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

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
 * @param twin how many sections of the same name and instance stand before it: a guest with two
 *     user-mode netdevs has two sections {@code slirp} 0
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
    ByteSource source,
    int twin) {

  /** A section whose name and instance no other one has before it. */
  public DeviceSection(
      String name,
      long instance,
      long version,
      Span record,
      Span payload,
      Decoded decoded,
      String note,
      Field.Group root,
      ByteSource source) {
    this(name, instance, version, record, payload, decoded, note, root, source, 0);
  }

  /** The sections of one stream, in its order, with the twins among them counted. */
  public static List<DeviceSection> counted(List<DeviceSection> devices) {
    record Key(String name, long instance) {}
    Map<Key, Integer> seen = new HashMap<>();
    List<DeviceSection> counted = new ArrayList<>(devices.size());
    for (DeviceSection device : devices) {
      int twin = seen.merge(new Key(device.name, device.instance), 1, Integer::sum) - 1;
      counted.add(twin == device.twin ? device : device.withTwin(twin));
    }
    return counted;
  }

  private DeviceSection withTwin(int number) {
    return new DeviceSection(
        name, instance, version, record, payload, decoded, note, root, source, number);
  }

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

  /** The same with a tree made by what is not the stream's own. */
  public DeviceSection by(Field.Group tree) {
    return new DeviceSection(
        name, instance, version, record, payload, Decoded.MODEL, "", tree, source, twin);
  }

  /** The same with another reason for being opaque. */
  public DeviceSection opaque(String why) {
    return new DeviceSection(
        name, instance, version, record, payload, decoded, why, root, source, twin);
  }

  /**
   * Name for people and paths: the instance is named only where it is not 0, and a section that has
   * name and instance of an earlier one is told from it by {@code #2}.
   */
  public String label() {
    String label = instance == 0 ? name : name + "[" + instance + "]";
    return twin == 0 ? label : label + "#" + (twin + 1);
  }

  /**
   * Types of bytes that are just that: buffers by their device's own word, and zeros nobody names.
   */
  private static final Set<String> BUFFERS =
      Set.of("buffer", "unused_buffer", "bitmap", "text", "unused");

  /**
   * How many bytes nothing explains. A buffer with a name of its own (a FIFO, a packet, zeros
   * behind the last capability) is explained; what a function of the device's own wrote and no
   * layout fits is not, nor are bytes other than zero between the named ones of a layout.
   */
  public long opaqueBytes() {
    return opaqueBytes(root);
  }

  private long opaqueBytes(Field.Group group) {
    long bytes = 0;
    for (Field child : group.children()) {
      if (child instanceof Field.Group nested) {
        bytes += opaqueBytes(nested);
      } else if (child instanceof Field.Raw raw && !(BUFFERS.contains(raw.type()) && named(raw))) {
        bytes += raw.span().length();
      }
    }
    return bytes;
  }

  /**
   * A section without a vmsd is one buffer called data ({@code migration/savevm.c},
   * vmstate_save_old_style), and so is the rest of one that is known in part.
   */
  private boolean named(Field.Raw raw) {
    return !raw.name().equals("data")
        || !root.vmsd().isEmpty() && decoded == Decoded.VMDESC
        || root.children().stream().noneMatch(child -> child == raw);
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
