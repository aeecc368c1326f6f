package dev.vmstate.core.btf;

import dev.vmstate.core.kernel.KernelTypes;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A kernel's types by their names. A path is names with dots between, {@code tasks.next}, and
 * elements of arrays, {@code pid_links[0].next}; it goes through unnamed members and typedefs, not
 * through pointers: what is behind one lies elsewhere.
 */
public final class Structs implements KernelTypes {
  /** Unnamed members inside one another; what is deeper was made to be. */
  private static final int MOST_NESTED = 32;

  /** Members looked at for one name; the largest structures have hundreds. */
  private static final int MOST_LOOKED_AT = 1 << 18;

  private final Btf btf;

  /** Answers from {@code btf}, and from the table it is split from. */
  public Structs(Btf btf) {
    this.btf = btf;
  }

  /**
   * A member, or an element in one.
   *
   * @param bit from the start of the outermost structure
   * @param bits of a bit-field, 0 when it is none
   * @param type its number, with typedefs and qualifiers
   */
  public record Member(long bit, int bits, int type) {}

  /** The table. */
  public Btf btf() {
    return btf;
  }

  @Override
  public Optional<Field> field(String type, String path) {
    Optional<Member> member = member(type, path);
    if (member.isEmpty()) {
      return Optional.empty();
    }
    OptionalLong size = size(member.get().type());
    return Optional.of(new Field(member.get().bit(), member.get().bits(), size.orElse(0)));
  }

  @Override
  public OptionalLong size(String type) {
    OptionalInt id = type(type);
    return id.isEmpty() ? OptionalLong.empty() : size(id.getAsInt());
  }

  /** A type of that name: a structure or union, or, without one, a typedef, enum or number. */
  public OptionalInt type(String name) {
    int id = btf.names().find(name, BtfKind.STRUCT, BtfKind.UNION);
    if (id == 0) {
      id =
          btf.names()
              .find(
                  name, BtfKind.TYPEDEF, BtfKind.ENUM, BtfKind.ENUM64, BtfKind.INT, BtfKind.FLOAT);
    }
    return id == 0 ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** Bytes of the type {@code id}; empty of what has no size: functions, {@code void}. */
  public OptionalLong size(int id) {
    long count = 1;
    int type = btf.resolve(id);
    while (btf.kind(type) == BtfKind.ARRAY) {
      long elements = btf.arrayCount(type);
      if (elements != 0 && count > Long.MAX_VALUE / elements) {
        return OptionalLong.empty();
      }
      count *= elements;
      type = btf.resolve(btf.arrayType(type));
    }
    long size =
        switch (btf.kind(type)) {
          case INT, STRUCT, UNION, ENUM, ENUM64, FLOAT, DATASEC -> btf.size(type);
          case PTR -> pointerBytes();
          default -> -1;
        };
    return size < 0 || size != 0 && count > Long.MAX_VALUE / size
        ? OptionalLong.empty()
        : OptionalLong.of(count * size);
  }

  /**
   * BTF does not say how large a pointer is; {@code long} is as large, in every Linux. (pahole
   * writes both {@code long int} and {@code long}, by the compiler.)
   */
  public int pointerBytes() {
    for (String name : new String[] {"long unsigned int", "unsigned long", "long int", "long"}) {
      int id = btf.names().find(name, BtfKind.INT);
      if (id != 0) {
        return (int) btf.size(id);
      }
    }
    return 8;
  }

  /** A member by its path, empty where the type or something on the path is not there. */
  public Optional<Member> member(String type, String path) {
    OptionalInt id = type(type);
    return id.isEmpty() ? Optional.empty() : member(id.getAsInt(), path);
  }

  /** A member of the type {@code id} by its path. */
  public Optional<Member> member(int id, String path) {
    Member here = new Member(0, 0, id);
    for (String part : path.split("\\.", -1)) {
      int bracket = part.indexOf('[');
      String name = bracket < 0 ? part : part.substring(0, bracket);
      Optional<Member> next =
          bracket == 0
              ? Optional.of(here)
              : inside(here, name, MOST_NESTED, new int[] {MOST_LOOKED_AT});
      if (next.isPresent() && bracket >= 0) {
        next = element(next.get(), part.substring(bracket));
      }
      if (next.isEmpty()) {
        return next;
      }
      here = next.get();
    }
    return Optional.of(here);
  }

  private Optional<Member> inside(Member outer, String name, int depth, int[] left) {
    int type = btf.resolve(outer.type());
    if (!btf.kind(type).isComposite() || outer.bits() != 0 || depth == 0) {
      return Optional.empty();
    }
    byte[] bytes = name.getBytes(StandardCharsets.ISO_8859_1);
    int vlen = btf.vlen(type);
    for (int i = 0; i < vlen && left[0]-- > 0; i++) {
      int named = btf.elementName(type, i);
      Member member =
          new Member(
              outer.bit() + btf.memberBit(type, i),
              btf.memberBits(type, i),
              btf.elementType(type, i));
      if (named != 0 && btf.isString(named, bytes)) {
        return Optional.of(member);
      }
      if (named == 0) {
        Optional<Member> deeper = inside(member, name, depth - 1, left);
        if (deeper.isPresent()) {
          return deeper;
        }
      }
    }
    return Optional.empty();
  }

  /** {@code [3]} or {@code [3][1]} of an array. One past its end is allowed, as in C. */
  private Optional<Member> element(Member array, String text) {
    Member here = array;
    for (String index : text.split("\\[", -1)) {
      if (index.isEmpty()) {
        continue;
      }
      int type = btf.resolve(here.type());
      if (!index.matches("\\d{1,9}\\]") || btf.kind(type) != BtfKind.ARRAY) {
        return Optional.empty();
      }
      int of = btf.arrayType(type);
      OptionalLong size = size(of);
      if (size.isEmpty() || size.getAsLong() > Integer.MAX_VALUE) {
        return Optional.empty();
      }
      long at = Long.parseLong(index.substring(0, index.length() - 1));
      here = new Member(here.bit() + 8 * at * size.getAsLong(), 0, of);
    }
    return Optional.of(here);
  }

  @Override
  public OptionalLong length(String type, String path) {
    Optional<Member> member = member(type, path);
    if (member.isEmpty()) {
      return OptionalLong.empty();
    }
    int id = btf.resolve(member.get().type());
    return btf.kind(id) == BtfKind.ARRAY
        ? OptionalLong.of(btf.arrayCount(id))
        : OptionalLong.empty();
  }

  @Override
  public OptionalLong enumerator(String name) {
    byte[] bytes = name.getBytes(StandardCharsets.ISO_8859_1);
    for (int id = 1; id < btf.count(); id++) {
      BtfKind kind = btf.kind(id);
      if (kind == BtfKind.ENUM || kind == BtfKind.ENUM64) {
        for (int i = 0; i < btf.vlen(id); i++) {
          if (btf.isString(btf.elementName(id, i), bytes)) {
            return OptionalLong.of(btf.enumValue(id, i));
          }
        }
      }
    }
    return OptionalLong.empty();
  }
}
