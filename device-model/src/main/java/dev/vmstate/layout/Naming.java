package dev.vmstate.layout;

import dev.vmstate.device.Field;
import dev.vmstate.device.Meaning;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The names that lines below an item give it: its own, and those of a named set, which the layout
 * in use may choose ({@code like ?features}).
 */
final class Naming {
  private final List<Meaning.Bits> bits = new ArrayList<>();
  private final Map<String, Long> values = new LinkedHashMap<>();
  private final List<Like> likes = new ArrayList<>();
  private final Map<Integer, Naming> elements = new HashMap<>();
  private String name = "";
  private String help = "";

  /** Names of another set, or of its bits from 32 on. */
  private record Like(String set, boolean high) {}

  /**
   * Finds named sets; {@code ?name} is what the layout in use says.
   *
   * <p>A set of names is made once per use, not once per field: a queue stands 1024 times.
   */
  static final class Sets {
    private final Tables tables;
    private final Map<String, String> aliases;
    private final Map<Naming, Optional<Meaning>> made = new IdentityHashMap<>();

    Sets(Tables tables, Map<String, String> aliases) {
      this.tables = tables;
      this.aliases = aliases;
    }

    Naming find(String set) {
      String name = set.startsWith("?") ? aliases.get(set.substring(1)) : set;
      return name == null ? new Naming() : tables.set(name);
    }
  }

  void name(String text) {
    name = text;
  }

  void help(String text) {
    help = text;
  }

  void bits(String bit, long mask, boolean inPlace) {
    bits.add(new Meaning.Bits(bit, mask, inPlace));
  }

  void value(String value, long number) {
    values.put(value, number);
  }

  void like(String set, boolean high) {
    likes.add(new Like(set, high));
  }

  /** This one, with more elements of an array. */
  Naming with(Map<Integer, Naming> more) {
    if (more.isEmpty()) {
      return this;
    }
    Naming all = new Naming();
    all.bits.addAll(bits);
    all.values.putAll(values);
    all.likes.addAll(likes);
    all.elements.putAll(elements);
    all.elements.putAll(more);
    all.name = name;
    all.help = help;
    return all;
  }

  Naming element(int i) {
    return elements.computeIfAbsent(i, key -> new Naming());
  }

  /** The names; {@code sets} finds the other sets. Null where there is nothing to say. */
  @Nullable Meaning meaning(Sets sets) {
    Optional<Meaning> made = sets.made.get(this);
    if (made == null) {
      made = Optional.ofNullable(make(sets));
      sets.made.put(this, made);
    }
    return made.orElse(null);
  }

  private @Nullable Meaning make(Sets sets) {
    List<Meaning.Bits> allBits = new ArrayList<>(bits);
    Map<String, Long> allValues = new LinkedHashMap<>(values);
    for (Like like : likes) {
      Meaning other = sets.find(like.set()).meaning(sets);
      if (other == null) {
        continue;
      }
      for (Meaning.Bits bit : other.bits()) {
        long mask = like.high() ? bit.mask() >>> 32 : bit.mask();
        if (mask != 0) {
          allBits.add(new Meaning.Bits(bit.name(), mask, bit.inPlace()));
        }
      }
      allValues.putAll(other.values());
    }
    return allBits.isEmpty() && allValues.isEmpty() && help.isEmpty() && name.isEmpty()
        ? null
        : new Meaning(name, allBits, allValues, help);
  }

  /** The names of an array's elements, or null. */
  Field.@Nullable Elements elements(Sets sets) {
    Meaning all = meaning(sets);
    if (elements.isEmpty()) {
      return all == null ? null : new Field.Elements(all, Map.of());
    }
    Map<Integer, Meaning> single = new HashMap<>();
    elements.forEach(
        (i, naming) -> {
          Meaning meaning = naming.meaning(sets);
          if (meaning != null) {
            single.put(i, meaning);
          }
        });
    return new Field.Elements(all, Map.copyOf(single));
  }
}
