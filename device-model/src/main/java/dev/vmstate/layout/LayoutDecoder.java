package dev.vmstate.layout;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.Field;
import dev.vmstate.device.ScalarType;
import dev.vmstate.device.SectionDecoder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Lays one layout over the bytes of one field. Every length, count and offset the bytes give is
 * checked before it is used; the first thing that does not fit ends it with a {@link
 * FormatException}.
 */
final class LayoutDecoder {
  private static final int MAX_DEPTH = 32;

  private final ByteSource source;
  private final String place;
  private final String idstr;
  private final Naming.Sets sets;
  private final SectionDecoder.Budget budget;

  /** A field reaches over the region's end. */
  private static final class CutShort extends FormatException {
    private static final long serialVersionUID = 1L;

    CutShort(String place, long offset, String what) {
      super(place, offset, what);
    }
  }

  /** The region that offsets are counted in, and where the next field stands. */
  private Span region;

  private long position;
  private int depth;

  LayoutDecoder(
      ByteSource source,
      String idstr,
      Span span,
      Layout layout,
      Tables tables,
      SectionDecoder.Budget budget) {
    this.source = source;
    this.place = source.name() + ": " + idstr + ": layout " + layout.name();
    this.idstr = idstr;
    this.sets = new Naming.Sets(tables, layout.aliases());
    this.budget = budget;
    this.region = span;
    this.position = span.offset();
  }

  /** The fields of the whole span; not fewer bytes and not more. */
  List<Field> whole(Layout layout, Map<String, Long> tried) throws IOException {
    Scope scope = new Scope(this, null);
    tried.forEach(scope::put);
    if (layout.when() != null && layout.when().value(scope) == 0) {
      throw bad("it is for others");
    }
    List<Field> fields = new ArrayList<>();
    block(layout.items(), scope, fields);
    if (position != region.end()) {
      throw bad("0x%x bytes are left".formatted(region.end() - position));
    }
    return indexed(fields);
  }

  FormatException bad(String why) {
    return new FormatException(place, position, why);
  }

  /** A name in an expression. */
  long value(Scope scope, String name) throws IOException {
    Object found = scope.find(name);
    if (found instanceof Long value) {
      return value;
    }
    return switch (name) {
      case "here" -> position - region.offset();
      case "left" -> region.end() - position;
      case "size" -> region.length();
      default -> throw bad("'%s' has no value here".formatted(name));
    };
  }

  boolean named(String glob) {
    return Layout.Glob.of(glob).matches(idstr);
  }

  /** The number at an offset of the region. */
  long peek(long offset, int width, boolean little) throws IOException {
    if (offset < 0 || offset > region.length() - width) {
      throw bad("offset 0x%x is outside".formatted(offset));
    }
    byte[] bytes = source.bytes(region.at(offset, width));
    long value = 0;
    for (int i = 0; i < width; i++) {
      value = value << 8 | bytes[little ? width - 1 - i : i] & 0xff;
    }
    return value;
  }

  private void block(Item.Block block, Scope scope, List<Field> into) throws IOException {
    if (++depth > MAX_DEPTH) {
      throw bad("groups nested deeper than " + MAX_DEPTH);
    }
    for (Item item : block.items()) {
      item(item, scope, into);
    }
    depth--;
  }

  private void item(Item item, Scope scope, List<Field> into) throws IOException {
    if (item instanceof Item.Number number) {
      number(number, scope, into);
    } else if (item instanceof Item.Bytes bytes) {
      long length = bytes.length().value(scope);
      Span span = take(length, 1, bytes.name());
      if (length > 0) {
        into.add(
            new Field.Raw(bytes.name(), -1, bytes.type(), span, "", bytes.naming().meaning(sets)));
      }
    } else if (item instanceof Item.Group group) {
      group(group, scope, into);
    } else if (item instanceof Item.When when) {
      block(when.condition().value(scope) != 0 ? when.then() : when.otherwise(), scope, into);
    } else if (item instanceof Item.Use use) {
      block(use.items(), scope, into);
    } else if (item instanceof Item.Subsection subsection) {
      subsection(subsection, scope, into);
    } else if (item instanceof Item.Overlay overlay) {
      overlay(overlay, scope, into);
    } else if (item instanceof Item.At at) {
      long offset = at.offset().value(scope);
      if (offset < 0 || offset > region.length()) {
        throw bad("offset 0x%x is outside".formatted(offset));
      }
      position = region.offset() + offset;
      item(at.item(), scope, into);
    } else if (item instanceof Item.Chain chain) {
      chain(chain, scope, into);
    } else if (item instanceof Item.Check check) {
      if (check.condition().value(scope) == 0) {
        throw bad(check.message());
      }
    } else if (item instanceof Item.Let let) {
      scope.put(let.name(), let.value().value(scope));
    }
  }

  /** Passes over {@code count} times {@code width} bytes. */
  private Span take(long count, int width, String name) throws FormatException {
    long left = region.end() - position;
    if (count < 0 || count > left / width) {
      throw new CutShort(
          place,
          position,
          "'%s' needs %d times %d bytes, %d left".formatted(name, count, width, left));
    }
    if (!budget.take(1)) {
      throw bad("too many fields");
    }
    Span span = new Span(position, count * width);
    position += span.length();
    return span;
  }

  private void number(Item.Number number, Scope scope, List<Field> into) throws IOException {
    ScalarType type = number.type();
    if (type == null) {
      boolean big = value(scope, "big") != 0;
      type = ScalarType.of((big ? "uint" : "le") + 8 * number.width()).orElseThrow();
    }
    Expression count = number.count();
    long elements = count == null ? 1 : count.value(scope);
    Span span = take(elements, type.width(), number.name());
    if (elements == 0) {
      return;
    }
    if (count == null) {
      long value = type.decode(source.bytes(span), 0);
      plausible(number, type, value, span, scope);
      scope.put(number.name(), value);
      into.add(
          new Field.Scalar(number.name(), -1, type, span, value, number.naming().meaning(sets)));
      return;
    }
    if (elements > Integer.MAX_VALUE) {
      throw bad("'%s' has %d elements".formatted(number.name(), elements));
    }
    if (number.range() != null || type.name().equals("bool")) {
      byte[] bytes = source.bytes(span);
      for (int i = 0; i < elements; i++) {
        plausible(number, type, type.decode(bytes, i * type.width()), span, scope);
      }
    }
    into.add(
        new Field.Array(
            number.name(), -1, type, (int) elements, span, number.naming().elements(sets)));
  }

  private void plausible(Item.Number number, ScalarType type, long value, Span span, Scope scope)
      throws IOException {
    if (type.name().equals("bool") && value >>> 1 != 0) {
      position = span.offset();
      throw bad("'%s' is %d, neither 0 nor 1".formatted(number.name(), value));
    }
    if (number.range() != null) {
      long least = number.range().least().value(scope);
      long most = number.range().most().value(scope);
      if (value < least || value > most) {
        position = span.offset();
        throw bad(
            least == most
                ? "'%s' is 0x%x, expected 0x%x".formatted(number.name(), value, least)
                : "'%s' is 0x%x, expected 0x%x to 0x%x"
                    .formatted(number.name(), value, least, most));
      }
    }
  }

  private void group(Item.Group group, Scope scope, List<Field> into) throws IOException {
    if (group.again() != null) {
      Scope inner = scope.inner();
      for (int i = 0; group.again().value(inner) != 0; i++) {
        long start = position;
        inner = scope.inner();
        into.add(one(group, i, inner));
        if (position == start) {
          throw bad("'%s' has no end".formatted(group.name()));
        }
      }
      return;
    }
    if (group.count() == null) {
      Scope inner = scope.inner();
      into.add(one(group, -1, inner));
      scope.put(group.name(), inner);
      return;
    }
    long count = group.count().value(scope);
    if (count < 0 || count > region.end() - position) {
      throw bad("'%s' has %d elements".formatted(group.name(), count));
    }
    long whole = count;
    if (group.fold() != null && count > 0) {
      whole = Math.min(count, Math.max(group.fold().value(scope), 0));
      long width = width(group.items());
      long left = region.end() - position;
      if (count > left / width) {
        throw bad(
            "'%s' needs %d times %d bytes, %d left".formatted(group.name(), count, width, left));
      }
      whole = Math.max(whole, different(position, count, (int) width));
      whole = count - whole < 2 ? count : whole;
    }
    for (int i = 0; i < whole; i++) {
      into.add(one(group, i, scope.inner()));
    }
    if (whole < count) {
      long bytes = (count - whole) * width(group.items());
      String name = "unused_%s[%d..%d]".formatted(group.name(), whole, count - 1);
      into.add(new Field.Raw(name, -1, "unused", take(bytes, 1, name)));
    }
  }

  private Field.Group one(Item.Group group, int index, Scope scope) throws IOException {
    if (!budget.take(1)) {
      throw bad("too many fields");
    }
    long start = position;
    List<Field> children = new ArrayList<>();
    block(group.items(), scope, children);
    Span span = new Span(start, position - start);
    return structure(group.name(), index, group.vmsd(), span, children);
  }

  private static Field.Group structure(
      String name, int index, String vmsd, Span span, List<Field> children) {
    return new Field.Group(
        name, index, Field.GroupKind.STRUCT, vmsd, -1, span, span, indexed(children));
  }

  /** How many elements there are up to the last one that differs from the one behind it. */
  private long different(long start, long count, int width) throws IOException {
    byte[] last = source.bytes(new Span(start + (count - 1) * width, width));
    for (long i = count - 1; i > 0; i--) {
      byte[] before = source.bytes(new Span(start + (i - 1) * width, width));
      if (!java.util.Arrays.equals(before, last)) {
        return i;
      }
    }
    return 0;
  }

  /** Bytes of an element of fixed size; a table that folds others is wrong. */
  private static long width(Item.Block block) {
    long width = 0;
    for (Item item : block.items()) {
      if (!(item instanceof Item.Number number)) {
        throw new IllegalStateException("only numbers can be folded: " + item);
      }
      try {
        width += number.width() * (number.count() == null ? 1 : number.count().value(NO_SCOPE));
      } catch (IOException e) {
        throw new IllegalStateException("only numbers of fixed count can be folded: " + item, e);
      }
    }
    return width;
  }

  @SuppressWarnings("NullAway") // numbers alone look at no scope
  private static final Scope NO_SCOPE = new Scope(null, null);

  private void subsection(Item.Subsection item, Scope scope, List<Field> into) throws IOException {
    int head = 2 + item.name().length();
    long start = position;
    if (region.end() - start < head + 4L
        || peek(start - region.offset(), 1, false) != SectionDecoder.QEMU_VM_SUBSECTION) {
      return;
    }
    Cursor in = new Cursor(source, place, new Span(start, region.end() - start));
    in.u8("subsection mark");
    if (in.peek() != item.name().length()
        || !in.countedString("subsection name").equals(item.name())) {
      return;
    }
    long version = in.u32("subsection version");
    if (version != item.version()) {
      throw bad(
          "subsection '%s' is version %d, the layout knows %d"
              .formatted(item.name(), version, item.version()));
    }
    if (!budget.take(1)) {
      throw bad("too many fields");
    }
    position = in.position();
    List<Field> children = new ArrayList<>();
    Scope inner = scope.inner();
    block(item.items(), inner, children);
    if (item.as() != null) {
      scope.put(item.as(), inner);
    }
    into.add(
        new Field.Group(
            item.name(),
            -1,
            Field.GroupKind.SUBSECTION,
            item.name(),
            version,
            new Span(start, position - start),
            new Span(in.position(), position - in.position()),
            indexed(children)));
  }

  private void overlay(Item.Overlay item, Scope scope, List<Field> into) throws IOException {
    Span span = take(item.size().value(scope), 1, "overlay");
    Span outer = region;
    region = span;
    position = span.offset();
    String name = item.name();
    Scope inner = name == null ? scope : scope.inner();
    List<Field> placed = new ArrayList<>();
    int depthBefore = depth;
    try {
      block(item.items(), inner, placed);
    } catch (CutShort e) {
      if (!item.cut()) {
        throw e;
      }
      depth = depthBefore;
    }
    List<Field> filled = filled(span, placed);
    region = outer;
    position = span.end();
    if (name == null) {
      into.addAll(filled);
    } else {
      scope.put(name, inner);
      into.add(structure(name, -1, item.vmsd(), span, filled));
    }
  }

  /** Fields by offset, without those that overlap an earlier one, and what stands between them. */
  private List<Field> filled(Span span, List<Field> placed) throws IOException {
    placed.sort(Comparator.comparingLong((Field field) -> field.span().offset()));
    List<Field> filled = new ArrayList<>();
    long at = span.offset();
    for (Field field : placed) {
      if (field.span().offset() >= at) {
        gap(span, at, field.span().offset(), filled);
        filled.add(field);
        at = field.span().end();
      }
    }
    gap(span, at, span.end(), filled);
    return filled;
  }

  private void gap(Span span, long from, long to, List<Field> into) throws IOException {
    if (from == to) {
      return;
    }
    if (!budget.take(1)) {
      throw bad("too many fields");
    }
    Span gap = new Span(from, to - from);
    boolean zero = true;
    for (byte b : source.bytes(gap)) {
      zero &= b == 0;
    }
    String name = "bytes_0x%02x".formatted(from - span.offset());
    into.add(new Field.Raw(name, -1, zero ? "unused" : "unnamed", gap));
  }

  /** Follows the list; a structure that does not fit its place stays bytes. */
  private void chain(Item.Chain chain, Scope scope, List<Field> into) throws IOException {
    Set<Long> seen = new HashSet<>();
    Scope inner = scope.inner();
    long at = chain.first().value(scope);
    while (at >= chain.offsets().least().value(scope)
        && at <= chain.offsets().most().value(scope)
        && seen.add(at)) {
      inner = scope.inner();
      inner.put("at", at);
      if (chain.again() != null && chain.again().value(inner) == 0) {
        return;
      }
      Item.Link link =
          Optional.ofNullable(chain.links().get(chain.id().value(inner))).orElse(chain.otherwise());
      if (link != null) {
        int depthBefore = depth;
        position = region.offset() + at;
        List<Field> children = new ArrayList<>();
        try {
          block(link.items(), inner, children);
          if (chain.until() != null && position - region.offset() > chain.until().value(inner)) {
            throw bad("'%s' reaches too far".formatted(link.name()));
          }
          Span span = new Span(region.offset() + at, position - region.offset() - at);
          into.add(structure(link.name(), -1, link.vmsd(), span, children));
          scope.put(link.name(), inner);
        } catch (FormatException e) {
          depth = depthBefore; // it reaches over the end, say: its bytes are kept
        }
      }
      at = chain.next().value(inner);
    }
  }

  /** Numbers fields of the same name, as the section decoder does. */
  private static List<Field> indexed(List<Field> fields) {
    Set<String> names = new HashSet<>();
    Set<String> repeated = new HashSet<>();
    for (Field field : fields) {
      if (field.index() < 0 && !names.add(field.name())) {
        repeated.add(field.name());
      }
    }
    if (repeated.isEmpty()) {
      return fields;
    }
    Map<String, Integer> next = new java.util.HashMap<>();
    List<Field> all = new ArrayList<>();
    for (Field field : fields) {
      all.add(
          field.index() < 0 && repeated.contains(field.name())
              ? field.accept(new WithIndex(next.merge(field.name(), 1, Integer::sum) - 1))
              : field);
    }
    return all;
  }

  private record WithIndex(int index) implements Field.Visitor<Field> {
    @Override
    public Field group(Field.Group g) {
      return new Field.Group(
          g.name(), index, g.kind(), g.vmsd(), g.version(), g.span(), g.body(), g.children());
    }

    @Override
    public Field scalar(Field.Scalar s) {
      return new Field.Scalar(s.name(), index, s.type(), s.span(), s.value(), s.named());
    }

    @Override
    public Field array(Field.Array a) {
      return new Field.Array(a.name(), index, a.type(), a.count(), a.span(), a.named());
    }

    @Override
    public Field raw(Field.Raw r) {
      return new Field.Raw(r.name(), index, r.type(), r.span(), r.note(), r.named());
    }
  }
}
