package dev.vmstate.core.debuginfo;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Where which name is defined first: structures and unions, other types, values of enums. Units are
 * gone through in order, only as far as a question needs; declarations are passed over. What is
 * inside functions is too: another source file cannot see it.
 */
final class TypeIndex {
  /** Names of each kind; a kernel with all drivers has a quarter. */
  private static final int MOST = 1 << 20;

  /** All names together. */
  private static final long MOST_TEXT = 64 << 20;

  private final Units units;
  private final Strings strings;
  private final Map<String, Long> composites = new HashMap<>();
  private final Map<String, Long> others = new HashMap<>();
  private final Map<String, Long> enumerators = new HashMap<>();

  /** The name's offsets that were met: most entries repeat what a unit before said. */
  private final Seen seen = new Seen();

  private final Seen seenValues = new Seen();
  private int next;
  private long text;

  TypeIndex(Units units, Strings strings) {
    this.units = units;
    this.strings = strings;
  }

  /** Offset in .debug_info of a structure or union. */
  OptionalLong composite(String name) throws IOException {
    return find(composites, name);
  }

  /** Offset in .debug_info of a typedef, enum or number. */
  OptionalLong other(String name) throws IOException {
    return find(others, name);
  }

  /** What a name in any enum stands for. */
  OptionalLong enumerator(String name) throws IOException {
    return find(enumerators, name);
  }

  private OptionalLong find(Map<String, Long> in, String name) throws IOException {
    Long found = in.get(name);
    while (found == null && next < units.count()) {
      scan(units.load(next));
      next++;
      found = in.get(name);
    }
    return found == null ? OptionalLong.empty() : OptionalLong.of(found);
  }

  private void scan(Unit unit) throws IOException {
    Die die = new Die(units.place(), unit, strings);
    if (!die.hasChildren()) {
      return;
    }
    while (!die.atEnd()) {
      long at = unit.offset() + die.at();
      if (!die.next()) {
        return;
      }
      switch (die.tag()) {
        case Die.TAG_STRUCTURE, Die.TAG_UNION -> {
          define(die, at, 1, composites);
          die.skipChildren();
        }
        case Die.TAG_TYPEDEF, Die.TAG_BASE -> {
          define(die, at, 2, others);
          die.skipChildren();
        }
        case Die.TAG_ENUMERATION -> {
          define(die, at, 2, others);
          if (die.hasChildren()) {
            values(die);
          }
        }
        default -> die.skipChildren();
      }
    }
  }

  private void define(Die die, long at, int kind, Map<String, Long> into) throws IOException {
    if (!die.named()
        || die.declaration()
        || die.nameOffset() != Die.NONE && !seen.add(die.nameOffset() * 4 + kind)) {
      return;
    }
    put(die, at, into);
  }

  private void values(Die die) throws IOException {
    while (die.next()) {
      if (die.tag() == Die.TAG_ENUMERATOR
          && die.named()
          && (die.nameOffset() == Die.NONE || seenValues.add(die.nameOffset()))) {
        put(die, die.constant(), enumerators);
      }
      die.skipChildren();
    }
  }

  private void put(Die die, long value, Map<String, Long> into) throws IOException {
    String name = die.name();
    if (into.putIfAbsent(name, value) == null) {
      text += name.length();
    }
    if (into.size() > MOST || text > MOST_TEXT || seen.size > 2 * MOST || seenValues.size > MOST) {
      throw die.bad("more than %d names of types".formatted(MOST));
    }
  }

  /** A set of numbers, without an object for each. */
  private static final class Seen {
    private long[] places = new long[1 << 12];
    private int size;

    /** False when it was in already. */
    boolean add(long number) {
      long key = number + 1;
      int at = place(key, places);
      if (places[at] == key) {
        return false;
      }
      places[at] = key;
      if (++size > places.length / 2) {
        long[] old = places;
        places = new long[2 * old.length];
        for (long one : old) {
          if (one != 0) {
            places[place(one, places)] = one;
          }
        }
      }
      return true;
    }

    private static int place(long key, long[] places) {
      int at = (int) (key * 0x9e37_79b9_7f4a_7c15L >>> 40) & places.length - 1;
      while (places[at] != 0 && places[at] != key) {
        at = at + 1 & places.length - 1;
      }
      return at;
    }
  }
}
