package dev.vmstate.core.debuginfo;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.kernel.KernelTypes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A kernel's types out of the DWARF of its vmlinux. Of types that share a name the first complete
 * one answers. Questions throw {@link UncheckedIOException} where the file is broken. Not
 * thread-safe.
 */
public final class DwarfTypes implements KernelTypes {
  /** Typedefs of typedefs, unnamed members inside one another: what is deeper was made to be. */
  private static final int MOST_NESTED = 32;

  /** Members looked at for one name; the largest structures have hundreds. */
  private static final int MOST_LOOKED_AT = 1 << 18;

  private static final int MOST_DIMENSIONS = 8;

  private final Units units;
  private final Strings strings;
  private final TypeIndex index;

  DwarfTypes(Units units, Strings strings) {
    this.units = units;
    this.strings = strings;
    this.index = new TypeIndex(units, strings);
  }

  /**
   * What a path leads to.
   *
   * @param bit from the start of the outermost structure
   * @param bits of a bit-field, 0 when it is none
   * @param type offset of its entry, with typedefs and qualifiers
   * @param counted dimensions of the array it was that a path counted off: a row of a table
   */
  private record Place(long bit, int bits, long type, int counted) {}

  @Override
  public Optional<Field> field(String type, String path) {
    try {
      Place place = place(type, path);
      if (place == null) {
        return Optional.empty();
      }
      long size = size(place.type(), place.counted());
      return Optional.of(new Field(place.bit(), place.bits(), Math.max(0, size)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public OptionalLong size(String type) {
    try {
      OptionalLong found = type(type);
      long size = found.isEmpty() ? -1 : size(found.getAsLong(), 0);
      return size < 0 ? OptionalLong.empty() : OptionalLong.of(size);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public OptionalLong length(String type, String path) {
    try {
      Place place = place(type, path);
      if (place == null) {
        return OptionalLong.empty();
      }
      Die die = resolve(place.type());
      if (die == null || die.tag() != Die.TAG_ARRAY) {
        return OptionalLong.empty();
      }
      long[] lengths = new long[MOST_DIMENSIONS];
      int dimensions = dimensions(die, lengths);
      return OptionalLong.of(place.counted() < dimensions ? lengths[place.counted()] : 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public OptionalLong enumerator(String name) {
    try {
      return index.enumerator(name);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private OptionalLong type(String name) throws IOException {
    OptionalLong composite = index.composite(name);
    return composite.isPresent() ? composite : index.other(name);
  }

  /** The entry at an offset of the section. */
  private Die die(long offset) throws IOException {
    Unit unit = units.at(offset);
    Die die = new Die(units.place(), unit, strings);
    die.go(offset - unit.offset());
    if (offset - unit.offset() < unit.dies() || !die.next()) {
      throw new FormatException(units.place(), offset, "no entry of a type here");
    }
    return die;
  }

  /** Without typedefs and qualifiers; null for {@code void}. */
  private @Nullable Die resolve(long type) throws IOException {
    long at = type;
    for (int i = 0; i < MOST_NESTED && at != Die.NONE; i++) {
      Die die = die(at);
      switch (die.tag()) {
        case Die.TAG_TYPEDEF, Die.TAG_CONST, Die.TAG_VOLATILE, Die.TAG_RESTRICT, Die.TAG_ATOMIC ->
            at = die.type();
        default -> {
          return die;
        }
      }
    }
    if (at == Die.NONE) {
      return null;
    }
    throw new FormatException(
        units.place(), at, "a type defined by itself, or by more than %d".formatted(MOST_NESTED));
  }

  /** Bytes of a type, of an array without the dimensions counted off; -1 of what has no size. */
  private long size(long type, int counted) throws IOException {
    long count = 1;
    long at = type;
    int from = counted;
    for (int i = 0; i < MOST_NESTED; i++) {
      Die die = resolve(at);
      if (die == null) {
        return -1;
      }
      if (die.tag() != Die.TAG_ARRAY) {
        boolean unsaid = die.tag() == Die.TAG_POINTER && die.byteSize() < 0;
        long size = unsaid ? units.at(at).addressBytes() : die.byteSize();
        return size < 0 || size != 0 && count > Long.MAX_VALUE / 8 / size ? -1 : count * size;
      }
      at = die.type();
      long[] lengths = new long[MOST_DIMENSIONS];
      int dimensions = dimensions(die, lengths);
      count = dimensions == 0 ? 0 : count;
      for (; from < dimensions; from++) {
        if (lengths[from] != 0 && count > Long.MAX_VALUE / lengths[from]) {
          return -1;
        }
        count *= lengths[from];
      }
      from = 0;
    }
    return -1;
  }

  /** Lengths of an array whose entry was read last; what is behind the eighth has none. */
  private static int dimensions(Die array, long[] into) throws IOException {
    int count = 0;
    if (array.hasChildren()) {
      while (array.next()) {
        if (array.tag() == Die.TAG_SUBRANGE && count < into.length) {
          into[count++] = array.elements();
        }
        array.skipChildren();
      }
    }
    return count;
  }

  /**
   * All members of a structure or union by their names; empty where there is no such type.
   *
   * @throws IOException when the file is broken
   */
  public List<TypeMember> members(String type) throws IOException {
    List<TypeMember> found = new ArrayList<>();
    OptionalLong start = index.composite(type);
    if (start.isPresent()) {
      members(new Place(0, 0, start.getAsLong(), 0), "", MOST_NESTED, found);
    }
    return found;
  }

  private void members(Place outer, String prefix, int depth, List<TypeMember> into)
      throws IOException {
    Die die = resolve(outer.type());
    if (die == null || !isComposite(die) || !die.hasChildren() || depth == 0) {
      return;
    }
    while (into.size() < MOST_LOOKED_AT && die.next()) {
      if (die.tag() == Die.TAG_MEMBER) {
        Place here = member(outer, die);
        if (die.named()) {
          member(here, prefix + die.name(), depth, into);
        } else {
          members(here, prefix, depth - 1, into);
        }
      }
      die.skipChildren();
    }
  }

  private void member(Place here, String path, int depth, List<TypeMember> into)
      throws IOException {
    Die die = resolve(here.type());
    long length = -1;
    long elementBytes = 0;
    boolean array = false;
    Die element = die;
    if (die != null && die.tag() == Die.TAG_ARRAY) {
      array = true;
      long of = die.type(); // before its dimensions are read
      element = resolve(of);
      long[] lengths = new long[MOST_DIMENSIONS];
      int dimensions = dimensions(die, lengths);
      length = lengths[0];
      elementBytes = Math.max(0, dimensions > 1 ? size(here.type(), 1) : size(of, 0));
    }
    boolean composite = element != null && isComposite(element);
    String type = element != null && composite && element.named() ? element.name() : "";
    long bytes = Math.max(0, size(here.type(), 0));
    into.add(new TypeMember(path, here.bit(), here.bits(), bytes, length, elementBytes, type));
    if (composite && type.isEmpty() && !array) {
      members(here, path + ".", depth - 1, into);
    }
  }

  private static boolean isComposite(Die die) {
    return die.tag() == Die.TAG_STRUCTURE || die.tag() == Die.TAG_UNION;
  }

  private @Nullable Place place(String type, String path) throws IOException {
    OptionalLong start = type(type);
    if (start.isEmpty()) {
      return null;
    }
    Place here = new Place(0, 0, start.getAsLong(), 0);
    for (String part : path.split("\\.", -1)) {
      int bracket = part.indexOf('[');
      String name = bracket < 0 ? part : part.substring(0, bracket);
      if (bracket != 0) {
        byte[] bytes = name.getBytes(StandardCharsets.ISO_8859_1);
        here = inside(here, bytes, MOST_NESTED, new int[] {MOST_LOOKED_AT});
      }
      if (here != null && bracket >= 0) {
        here = element(here, part.substring(bracket));
      }
      if (here == null) {
        return null;
      }
    }
    return here;
  }

  private @Nullable Place inside(Place outer, byte[] name, int depth, int[] left)
      throws IOException {
    if (outer.bits() != 0 || outer.counted() != 0 || depth == 0) {
      return null;
    }
    Die die = resolve(outer.type());
    if (die == null
        || die.tag() != Die.TAG_STRUCTURE && die.tag() != Die.TAG_UNION
        || !die.hasChildren()) {
      return null;
    }
    while (left[0]-- > 0 && die.next()) {
      if (die.tag() == Die.TAG_MEMBER) {
        if (die.isNamed(name)) {
          return member(outer, die);
        }
        if (!die.named()) {
          Place deeper = inside(member(outer, die), name, depth - 1, left);
          if (deeper != null) {
            return deeper;
          }
        }
      }
      die.skipChildren();
    }
    return null;
  }

  private Place member(Place outer, Die die) throws IOException {
    long bit = outer.bit();
    int bits = (int) Math.min(Math.max(0, die.bitSize()), 64);
    long type = die.type();
    if (bits == 0) {
      bit += 8 * die.location();
    } else if (die.dataBitOffset() != Die.NONE) {
      bit += 8 * die.location() + die.dataBitOffset();
    } else {
      // Before DWARF 4: from the highest bit of the unit it is stored in.
      long storage = die.byteSize() != Die.NONE ? die.byteSize() : size(type, 0);
      bit +=
          8 * die.location()
              + (die.bitOffset() == Die.NONE ? 0 : 8 * storage - die.bitOffset() - bits);
    }
    return new Place(bit, bits, type, 0);
  }

  /** {@code [3]} or {@code [3][1]} of an array. One past its end is allowed, as in C. */
  private @Nullable Place element(Place array, String text) throws IOException {
    Place here = array;
    for (String index : text.substring(1).split("\\[", -1)) {
      Die die = resolve(here.type());
      if (!index.matches("\\d{1,9}\\]") || die == null || die.tag() != Die.TAG_ARRAY) {
        return null;
      }
      long of = die.type();
      int counted = here.counted() + 1;
      boolean all = counted >= dimensions(die, new long[MOST_DIMENSIONS]);
      long size = all ? size(of, 0) : size(here.type(), counted);
      if (size < 0 || size > Integer.MAX_VALUE) {
        return null;
      }
      long at = Long.parseLong(index.substring(0, index.length() - 1));
      long bit = here.bit() + 8 * at * size;
      here = all ? new Place(bit, 0, of, 0) : new Place(bit, 0, here.type(), counted);
    }
    return here;
  }
}
