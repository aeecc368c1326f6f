package dev.vmstate.diff;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.Meaning;
import dev.vmstate.device.NamedNumber;
import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Walks the trees of one device in two snapshots side by side. Fields meet by label, so a
 * subsection that only one stream has (QEMU writes them only when needed) shifts nothing.
 */
final class DeviceComparison {
  /** Differing values listed per field; a buffer may hold millions. */
  static final int LISTED = 64;

  private static final int WINDOW = 1 << 16;
  private static final int SHOWN_HEAD = 16;
  private static final int SHOWN_TAIL = 4;

  private final DeviceSection deviceA;
  private final DeviceSection deviceB;
  private final ByteSource a;
  private final ByteSource b;
  private final ByteComparison bytes;
  private final List<FieldChange> fields = new ArrayList<>();
  private final List<String> structure = new ArrayList<>();

  DeviceComparison(DeviceSection a, DeviceSection b) {
    this.deviceA = a;
    this.deviceB = b;
    this.a = new WindowedSource(a.source(), WINDOW);
    this.b = new WindowedSource(b.source(), WINDOW);
    this.bytes = new ByteComparison(this.a, this.b);
  }

  DeviceDiff compare() throws IOException {
    String label = deviceA.label();
    if (deviceA.version() != deviceB.version()) {
      structure.add("%s: version %d -> %d".formatted(label, deviceA.version(), deviceB.version()));
    }
    if (!bytes.same(deviceA.payload(), deviceB.payload())) {
      if (deviceA.decoded() != deviceB.decoded()) {
        structure.add(
            "%s: decoded by %s -> %s, compared as bytes"
                .formatted(label, deviceA.decoded(), deviceB.decoded()));
        raw(label, "section", deviceA.payload(), deviceB.payload());
      } else {
        groups(label, deviceA.root(), deviceB.root());
      }
    }
    return new DeviceDiff(label, fields, structure);
  }

  private void groups(String path, Field.Group inA, Field.Group inB) throws IOException {
    if (inA.version() != inB.version()) {
      structure.add("%s: version %d -> %d".formatted(path, inA.version(), inB.version()));
    }
    Map<String, Deque<Field>> others = new LinkedHashMap<>();
    for (Field child : inB.children()) {
      others.computeIfAbsent(child.label(), label -> new ArrayDeque<>()).add(child);
    }
    for (Field child : inA.children()) {
      String childPath = path + "/" + child.label();
      Deque<Field> found = others.get(child.label());
      if (found == null || found.isEmpty()) {
        structure.add(only(childPath, child, "first"));
      } else {
        fields(childPath, child, found.remove());
      }
    }
    for (Deque<Field> left : others.values()) {
      for (Field child : left) {
        structure.add(only(path + "/" + child.label(), child, "second"));
      }
    }
  }

  private static String only(String path, Field field, String where) {
    return "%s: %d bytes only in the %s".formatted(path, field.span().length(), where);
  }

  private void fields(String path, Field inA, Field inB) throws IOException {
    if (inA instanceof Field.Group left && inB instanceof Field.Group right) {
      groups(path, left, right);
    } else if (inA instanceof Field.Scalar left
        && inB instanceof Field.Scalar right
        && left.type().width() == right.type().width()) {
      if (left.value() != right.value()) {
        fields.add(
            number(
                path,
                path,
                0,
                left.type(),
                right.type(),
                left.span(),
                right.span(),
                left.meaning(-1)));
      }
    } else if (inA instanceof Field.Array left
        && inB instanceof Field.Array right
        && left.count() == right.count()
        && left.type().width() == right.type().width()) {
      array(path, left, right);
    } else {
      String type = inA instanceof Field.Raw left ? left.type() : "bytes";
      if (!(inA instanceof Field.Raw && inB instanceof Field.Raw)) {
        structure.add("%s: another kind of field in the second, compared as bytes".formatted(path));
      }
      raw(path, type, inA.span(), inB.span());
    }
  }

  private void array(String path, Field.Array inA, Field.Array inB) throws IOException {
    if (bytes.same(inA.span(), inB.span())) {
      return;
    }
    // As FieldPath prints them.
    String element = inA.count() > 16 ? "%s[0x%x]" : "%s[%d]";
    Listing listing = new Listing(path, inA.type().name());
    for (int i = 0; i < inA.count(); i++) {
      Span left = inA.element(i);
      Span right = inB.element(i);
      if (!bytes.same(left, right)) {
        if (listing.full()) {
          listing.more(left.offset() - inA.span().offset(), left, right);
        } else {
          String at = element.formatted(path, i);
          long within = left.offset() - inA.span().offset();
          listing.add(
              number(at, path, within, inA.type(), inB.type(), left, right, inA.meaning(i)));
        }
      }
    }
    listing.finish();
  }

  private void raw(String path, String type, Span inA, Span inB) throws IOException {
    if (inA.length() != inB.length()) {
      structure.add(
          "%s: %d -> %d bytes, compared as far as both go"
              .formatted(path, inA.length(), inB.length()));
    }
    Listing listing = new Listing(path, type);
    List<long[]> ranges = new ArrayList<>();
    bytes.ranges(
        inA,
        inB,
        (at, length) -> {
          if (ranges.size() == LISTED) {
            listing.more(at, inA.at(at, length), inB.at(at, length));
          } else {
            ranges.add(new long[] {at, length});
          }
        });
    for (long[] range : ranges) {
      Span left = inA.at(range[0], range[1]);
      Span right = inB.at(range[0], range[1]);
      boolean whole = range[1] == Math.max(inA.length(), inB.length());
      String at = whole ? path : "%s+0x%x".formatted(path, range[0]);
      listing.add(
          new FieldChange(at, path, range[0], type, left, right, hex(a, left), hex(b, right), 0));
    }
    listing.finish();
  }

  private FieldChange number(
      String path,
      String field,
      long within,
      ScalarType typeA,
      ScalarType typeB,
      Span inA,
      Span inB,
      Optional<Meaning> meaning)
      throws IOException {
    long before = typeA.decode(a.bytes(inA), 0);
    long after = typeB.decode(b.bytes(inB), 0);
    return new FieldChange(
        path,
        field,
        within,
        typeA.name(),
        inA,
        inB,
        typeA.format(before),
        typeB.format(after),
        0,
        NamedNumber.of(typeA, meaning).flatMap(kind -> kind.difference(before, after)));
  }

  private static String hex(ByteSource source, Span span) throws IOException {
    HexFormat hex = HexFormat.of();
    if (span.length() <= 2 * SHOWN_HEAD) {
      return hex.formatHex(source.bytes(span));
    }
    return "%s…%s (%d bytes)"
        .formatted(
            hex.formatHex(source.bytes(span.at(0, SHOWN_HEAD))),
            hex.formatHex(source.bytes(span.at(span.length() - SHOWN_TAIL, SHOWN_TAIL))),
            span.length());
  }

  /** The differing values of one long field: the first ones in full, the rest as a count. */
  private final class Listing {
    private final String path;
    private final String type;
    private int listed;
    private long more;
    private long moreWithin;
    private Span moreA = new Span(0, 0);
    private Span moreB = new Span(0, 0);

    Listing(String path, String type) {
      this.path = path;
      this.type = type;
    }

    boolean full() {
      return listed == LISTED;
    }

    void add(FieldChange change) {
      fields.add(change);
      listed++;
    }

    void more(long within, Span inA, Span inB) {
      moreWithin = more == 0 ? within : moreWithin;
      moreA = more == 0 ? inA : through(moreA, inA);
      moreB = more == 0 ? inB : through(moreB, inB);
      more++;
    }

    void finish() {
      if (more > 0) {
        fields.add(new FieldChange(path, path, moreWithin, type, moreA, moreB, "", "", more));
      }
    }

    private static Span through(Span first, Span last) {
      return new Span(first.offset(), last.end() - first.offset());
    }
  }
}
