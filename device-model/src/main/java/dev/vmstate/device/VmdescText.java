package dev.vmstate.device;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import dev.vmstate.device.JsonText.Member;
import dev.vmstate.device.JsonText.Node;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the vmdesc JSON in step with a stream whose structure changes, as text: entries are taken
 * out or put in with their comma, numbers are replaced, and no other byte is touched. QEMU up to
 * 5.x writes spaces where later ones do not ({@code "size" : 8} and {@code "size": 8}); what is put
 * in is written as its neighbours are.
 *
 * <p>Source: {@code migration/vmstate.c}, vmsd_desc_field_start and vmstate_subsection_save: a
 * field's {@code size} counts the subsections inside it; {@code subsections} is there only where
 * one was needed; the section itself has a {@code size} only when it is of the old kind.
 */
public final class VmdescText {
  private static final int DEVICE_DEPTH = 3;

  /** More than any section has. */
  private static final long MOST_BYTES = 1L << 40;

  private final JsonText text;
  private final Span json;
  private final Node root;
  private final Node devices;
  private final Map<Node, Node> expanded = new IdentityHashMap<>();
  private final List<Splice> splices = new ArrayList<>();
  private final Map<Node, Long> numbers = new IdentityHashMap<>();

  /**
   * Reads the description.
   *
   * @param json where it stands in the stream; its length word is the four bytes before
   */
  public VmdescText(ByteSource stream, Span json) throws IOException {
    this.json = json;
    this.text = new JsonText(stream.bytes(json), stream.name() + ": vmdesc", json.offset());
    this.root = text.read(DEVICE_DEPTH);
    this.devices =
        root.get("devices")
            .orElseThrow(
                () -> new FormatException(stream.name(), json.offset(), "vmdesc has no devices"));
  }

  /** A device's description. */
  public final class Device {
    private final Node listed;

    private Device(Node listed) {
      this.listed = listed;
    }

    /** The whole section goes. */
    public void drop() {
      splices.add(cut(devices, devices.elements().indexOf(listed)));
    }

    /** Another name for the section; its vmsd keeps its own. */
    public void rename(String name) throws IOException {
      Node old = listed.get("name").orElseThrow();
      splices.add(at(old.start(), old.end(), quoted(name)));
    }

    /**
     * Where a group of fields is described.
     *
     * @param path the groups from the section's root down to the one meant
     */
    public Place place(List<Field.Group> path) throws IOException {
      return VmdescText.this.place(expand(listed), path);
    }
  }

  /**
   * Where a group of fields is described: {@code vmsd} is the object with its {@code fields}, null
   * where the description ends further out, at a field that holds it all; {@code at} is where the
   * group's first field stands; {@code sizes} are the sizes that count its bytes.
   */
  public final class Place {
    private final @Nullable Node vmsd;
    private final long at;
    private final List<Node> sizes;

    private Place(@Nullable Node vmsd, long at, List<Node> sizes) {
      this.vmsd = vmsd;
      this.at = at;
      this.sizes = List.copyOf(sizes);
    }

    /** Whether the group's own fields are described. */
    public boolean described() {
      return vmsd != null;
    }

    /** Its bytes become so many more, or fewer. */
    private void grow(long bytes) {
      for (Node size : sizes) {
        numbers.merge(size, bytes, Long::sum);
      }
    }

    /** The description of a subsection, as it is written here. */
    public Optional<String> subsection(int index) {
      return subsections()
          .filter(array -> index < array.elements().size())
          .map(array -> array.elements().get(index))
          .map(node -> text.between(node.start(), node.end()));
    }

    private Optional<Node> subsections() {
      Node object = vmsd;
      return object == null ? Optional.empty() : object.get("subsections");
    }

    /** A subsection goes. */
    public void drop(int index, long bytes) throws IOException {
      grow(-bytes);
      Node object = vmsd;
      if (object == null) {
        return;
      }
      Node array = subsections().orElseThrow(() -> disagrees(object));
      if (index >= array.elements().size()) {
        throw disagrees(object);
      }
      if (array.elements().size() > 1) {
        splices.add(cut(array, index));
        return;
      }
      List<Member> members = object.members();
      for (int i = 1; i < members.size(); i++) {
        if (members.get(i).value() == array) {
          splices.add(at(members.get(i - 1).value().end(), array.end(), ""));
          return;
        }
      }
      throw disagrees(object);
    }

    /**
     * A subsection comes.
     *
     * @param index how many stand in front of it
     * @param description its JSON
     */
    public void add(int index, String description, long bytes) throws IOException {
      grow(bytes);
      Node object = vmsd;
      if (object == null) {
        return;
      }
      Optional<Node> array = subsections();
      if (array.isPresent() && !array.get().elements().isEmpty()) {
        splices.add(insert(array.get(), index, description));
        return;
      }
      if (array.isPresent()) {
        int inside = array.get().start() + 1;
        splices.add(at(inside, inside, description));
        return;
      }
      Member fields = fields(object);
      Node like = fields.value().elements().isEmpty() ? devices : fields.value();
      Node first = like.elements().get(0);
      Node last = like.elements().get(like.elements().size() - 1);
      String before = text.between(fields.start(), fields.value().start());
      String key = "\"subsections\"" + before.substring(before.indexOf('"', 1) + 1);
      String member =
          separator(object, fields)
              + key
              + text.between(like.start(), first.start())
              + description
              + text.between(last.end(), like.end());
      splices.add(at(fields.value().end(), fields.value().end(), member));
    }

    /**
     * An array or a buffer has another length.
     *
     * @param span where it stands
     * @param elements how many elements it has afterwards; for a buffer, bytes
     */
    public void resize(Span span, long elements, long bytes) throws IOException {
      Node object = vmsd;
      if (object != null) {
        Node entry = entry(object, span);
        Optional<Node> count = entry.number("array_len");
        Node number = count.or(() -> entry.number("size")).orElseThrow(() -> disagrees(entry));
        numbers.merge(number, elements - number.value(), Long::sum);
      }
      grow(bytes);
    }

    private Node entry(Node object, Span span) throws IOException {
      long position = at;
      for (Node entry : fields(object).value().elements()) {
        long size = wireSize(entry);
        if (position == span.offset() && size == span.length() && size > 0) {
          return entry;
        }
        position += size;
      }
      throw disagrees(object);
    }
  }

  /** How a JSON object that describes bytes is written here; of a subsection nobody describes. */
  public String subsection(String name, long version, long bytes) {
    Member page = root.members().get(0);
    String before = text.between(page.start(), page.value().start());
    String colon = before.substring(before.indexOf('"', 1) + 1);
    String pad = text.between(root.start() + 1, page.start());
    String field =
        "{%s\"name\"%s\"data\", \"type\"%s\"buffer\", \"size\"%s%d%s}"
            .formatted(pad, colon, colon, colon, bytes, pad);
    return "{%s\"vmsd_name\"%s%s, \"version\"%s%d, \"fields\"%s[%s%s%s]%s}"
        .formatted(
            pad,
            colon,
            quoted(name),
            colon,
            version,
            colon,
            bytes == 0 ? "" : pad,
            bytes == 0 ? "" : field,
            bytes == 0 ? "" : pad,
            pad);
  }

  /**
   * The machine's name has another length. Newer QEMUs (10.0, not 7.2) describe the configuration
   * too.
   */
  public void machineName(long length) throws IOException {
    Optional<Node> configuration = root.get("configuration");
    if (configuration.isEmpty()) {
      return;
    }
    for (Node entry : fields(expand(configuration.get())).value().elements()) {
      if (entry.text("name").equals("name")) {
        Node size = entry.number("size").orElseThrow(() -> disagrees(entry));
        numbers.merge(size, length - size.value(), Long::sum);
      }
    }
  }

  /**
   * The description of a section.
   *
   * @param which how many sections of this name and instance stand before it
   */
  public Optional<Device> device(String name, long instance, int which) {
    int left = which;
    for (Node device : devices.elements()) {
      long id = device.number("instance_id").map(Node::value).orElse(0L) & 0xffff_ffffL;
      if (device.text("name").equals(name) && id == instance && left-- == 0) {
        return Optional.of(new Device(device));
      }
    }
    return Optional.empty();
  }

  private Node expand(Node node) throws IOException {
    Node known = expanded.get(node);
    if (known == null) {
      known = text.expand(node);
      expanded.put(node, known);
    }
    return known;
  }

  /** Follows the groups and the description side by side, as long as both go on. */
  private Place place(Node device, List<Field.Group> path) throws IOException {
    List<Node> sizes = new ArrayList<>();
    device.number("size").ifPresent(sizes::add); // old-style sections
    Node vmsd = device;
    long at = path.get(0).body().offset();
    for (Field.Group group : path.subList(1, path.size())) {
      boolean subsection = group.kind() == Field.GroupKind.SUBSECTION;
      Node next = subsection ? subsection(vmsd, group) : entryAround(vmsd, group, at, sizes);
      if (next == null) {
        return new Place(null, at, sizes);
      }
      vmsd = next;
      at = group.body().offset();
    }
    return new Place(vmsd, at, sizes);
  }

  private static @Nullable Node subsection(Node vmsd, Field.Group group) {
    Optional<Node> array = vmsd.get("subsections");
    return array.stream()
        .flatMap(node -> node.elements().stream())
        .filter(node -> node.text("vmsd_name").equals(group.vmsd()))
        .findFirst()
        .orElse(null);
  }

  /** The entry a struct lies in: its vmsd, or null where that is not told. */
  private @Nullable Node entryAround(Node vmsd, Field.Group group, long at, List<Node> sizes)
      throws IOException {
    long position = at;
    for (Node entry : fields(vmsd).value().elements()) {
      long size = wireSize(entry);
      Span span = new Span(position, size);
      position += size;
      if (size == 0 || !span.contains(group.span())) {
        continue;
      }
      if (entry.number("array_len").map(Node::value).orElse(1L) != 1) {
        throw new IOException(
            "vmdesc describes all elements of '%s' by one entry: one of them cannot have another length"
                .formatted(entry.text("name")));
      }
      sizes.add(entry.number("size").orElseThrow(() -> disagrees(entry)));
      Node nested = entry.get("struct").orElse(entry);
      boolean told = nested.count("fields") == 1 && span.equals(group.span());
      return told && !nested.get("fields").orElseThrow().elements().isEmpty() ? nested : null;
    }
    throw disagrees(vmsd);
  }

  private long wireSize(Node entry) throws IOException {
    long size = entry.number("size").map(Node::value).orElse(0L);
    long count = entry.number("array_len").map(Node::value).orElse(1L);
    if (size < 0 || count < 0 || size > MOST_BYTES || count > MOST_BYTES / Math.max(1, size)) {
      throw disagrees(entry);
    }
    return size * count;
  }

  private Member fields(Node vmsd) throws IOException {
    for (Member member : vmsd.members()) {
      if (member.key().equals("fields")) {
        return member;
      }
    }
    throw disagrees(vmsd);
  }

  private FormatException disagrees(Node node) {
    return new FormatException(
        "vmdesc", json.offset() + node.start(), "the description is not the one of these bytes");
  }

  /** What stands between two members of an object. */
  private String separator(Node object, Member member) {
    List<Member> members = object.members();
    int index = members.indexOf(member);
    return index > 0 ? text.between(members.get(index - 1).value().end(), member.start()) : ", ";
  }

  private String separator(Node array) {
    for (Node like : List.of(array, devices)) {
      List<Node> elements = like.elements();
      if (elements.size() > 1) {
        return text.between(elements.get(0).end(), elements.get(1).start());
      }
    }
    return ", ";
  }

  /** An array without one of its elements. */
  private Splice cut(Node array, int index) {
    List<Node> elements = array.elements();
    Node element = elements.get(index);
    if (index + 1 < elements.size()) {
      return at(element.start(), elements.get(index + 1).start(), "");
    }
    return at(index > 0 ? elements.get(index - 1).end() : element.start(), element.end(), "");
  }

  private Splice insert(Node array, int index, String element) {
    List<Node> elements = array.elements();
    if (index < elements.size()) {
      int start = elements.get(index).start();
      return at(start, start, element + separator(array));
    }
    int end = elements.get(elements.size() - 1).end();
    return at(end, end, separator(array) + element);
  }

  private Splice at(int from, int to, String with) {
    return Splice.of(
        new Span(json.offset() + from, to - from), with.getBytes(StandardCharsets.UTF_8));
  }

  /** A string as JSON; names have printable ASCII alone. */
  private static String quoted(String name) {
    return '"' + name.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  /** Everything that changes, the length of the JSON included; in stream offsets. */
  public List<Splice> splices() {
    List<Splice> all = new ArrayList<>(splices);
    numbers.forEach(
        (node, more) -> {
          if (more != 0) {
            all.add(at(node.start(), node.end(), Long.toString(node.value() + more)));
          }
        });
    long growth = all.stream().mapToLong(Splice::growth).sum();
    if (growth != 0) {
      byte[] length = ByteBuffer.allocate(4).putInt((int) (json.length() + growth)).array();
      all.add(Splice.of(new Span(json.offset() - 4, 4), length));
    }
    return all;
  }
}
