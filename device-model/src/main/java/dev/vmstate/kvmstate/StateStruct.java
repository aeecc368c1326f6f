package dev.vmstate.kvmstate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The shape of a C structure: members with their names, offsets and widths, little-endian.
 *
 * <p>Bytes that no member covers are padding and reserved words. They are zero in every kernel so
 * far; where one is not, it is kept under a name made of its offset.
 */
public final class StateStruct {
  /** One member; each of {@code count} elements, {@code stride} apart, is of one kind. */
  sealed interface Member {
    String name();

    int offset();

    /** How many elements; 0 of a member that is no array. */
    int count();

    int stride();
  }

  /** A number of {@code width} bytes. */
  record Number(String name, int offset, int width, int count, int stride) implements Member {}

  /** {@code length} bytes that are no number. */
  record Data(String name, int offset, int length, int count, int stride) implements Member {}

  /** Another structure. */
  record Nested(String name, int offset, StateStruct struct, int count, int stride)
      implements Member {}

  /** Where a member's bytes stand in the whole. */
  record Place(int offset, int width, boolean number) {}

  private final String name;
  private final int size;
  private final List<Member> members;
  private final Map<String, Place> places = new LinkedHashMap<>();

  private StateStruct(String name, int size, List<Member> members) {
    this.name = name;
    this.size = size;
    this.members = List.copyOf(members);
    index(this, "", 0);
  }

  private void index(StateStruct struct, String prefix, int at) {
    for (Member member : struct.members) {
      for (int i = 0; i < Math.max(1, member.count()); i++) {
        String path = prefix + member.name() + (member.count() == 0 ? "" : "[" + i + "]");
        int offset = at + member.offset() + i * member.stride();
        if (member instanceof Number number) {
          places.put(path, new Place(offset, number.width(), true));
        } else if (member instanceof Data data) {
          places.put(path, new Place(offset, data.length(), false));
        } else if (member instanceof Nested nested) {
          index(nested.struct(), path + ".", offset);
        }
      }
    }
  }

  /** Starts a structure of {@code size} bytes, as the kernel calls it. */
  public static Builder of(String name, int size) {
    return new Builder(name, size);
  }

  /** What it is called. */
  public String name() {
    return name;
  }

  /** Bytes of it. */
  public int size() {
    return size;
  }

  List<Member> members() {
    return members;
  }

  /** The paths of all its numbers, such as {@code cs.base}, by their places. */
  public List<String> numbers() {
    return places.entrySet().stream()
        .filter(entry -> entry.getValue().number())
        .sorted(Comparator.comparingInt(entry -> entry.getValue().offset()))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** The place of {@code cs.base}, {@code redirtbl[3]}, {@code channels[0].mode}. */
  Place place(String path) {
    Place place = places.get(path);
    if (place == null) {
      throw new IllegalArgumentException("%s has no member %s".formatted(name, path));
    }
    return place;
  }

  /** All its members, as {@link StateValue#get} takes them, in the order of their offsets. */
  public List<String> paths() {
    return List.copyOf(places.keySet());
  }

  /** Where in the structure a member begins. */
  public int offsetOf(String path) {
    return place(path).offset();
  }

  /** Bytes of a member. */
  public int widthOf(String path) {
    return place(path).width();
  }

  /** What bytes without a name are called when they are not zero. */
  static String reserved(int offset) {
    return "reserved@0x" + Integer.toHexString(offset);
  }

  /** A structure of zeros. */
  public StateValue zero() {
    return new StateValue(this, new byte[size]);
  }

  /** The structure that {@code bytes}, which the caller no longer changes, hold. */
  public StateValue of(byte[] bytes) {
    return new StateValue(this, bytes);
  }

  /** Members in the order of their offsets. */
  public static final class Builder {
    private final String name;
    private final int size;
    private final List<Member> members = new ArrayList<>();
    private int at;

    private Builder(String name, int size) {
      this.name = name;
      this.size = size;
    }

    /** Goes on at {@code offset}. */
    public Builder at(int offset) {
      if (offset < at) {
        throw new IllegalArgumentException(name + ": members overlap at " + offset);
      }
      at = offset;
      return this;
    }

    /** Numbers of one byte, one after the other. */
    public Builder u8(String... names) {
      return numbers(1, names);
    }

    /** Numbers of two bytes. */
    public Builder u16(String... names) {
      return numbers(2, names);
    }

    /** Numbers of four bytes. */
    public Builder u32(String... names) {
      return numbers(4, names);
    }

    /** Numbers of eight bytes. */
    public Builder u64(String... names) {
      return numbers(8, names);
    }

    private Builder numbers(int width, String... names) {
      for (String member : names) {
        add(new Number(member, at, width, 0, width), width);
      }
      return this;
    }

    /** {@code count} numbers, {@code stride} bytes from one to the next. */
    public Builder array(String member, int width, int count, int stride) {
      return add(new Number(member, at, width, count, stride), count * stride);
    }

    /** {@code count} pieces of {@code length} bytes. */
    public Builder data(String member, int length, int count) {
      return add(new Data(member, at, length, count, length), count * length);
    }

    /** {@code length} bytes. */
    public Builder data(String member, int length) {
      return add(new Data(member, at, length, 0, length), length);
    }

    /** A structure, or several of one shape one after the other. */
    public Builder struct(StateStruct shape, String... names) {
      for (String member : names) {
        add(new Nested(member, at, shape, 0, shape.size), shape.size);
      }
      return this;
    }

    /** An array of structures. */
    public Builder structs(String member, StateStruct shape, int count) {
      return add(new Nested(member, at, shape, count, shape.size), count * shape.size);
    }

    private Builder add(Member member, int bytes) {
      members.add(member);
      at += bytes;
      if (at > size) {
        throw new IllegalArgumentException(
            "%s: %s ends at %d of %d".formatted(name, member.name(), at, size));
      }
      return this;
    }

    /** The shape. */
    public StateStruct build() {
      return new StateStruct(name, size, members);
    }
  }
}
