package dev.vmstate.layout;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The values of the fields decoded so far, by name; a group's are a scope within. */
final class Scope {
  private final @Nullable Scope outer;
  private final LayoutDecoder decoder;
  private final Map<String, Object> values = new HashMap<>();

  Scope(LayoutDecoder decoder, @Nullable Scope outer) {
    this.decoder = decoder;
    this.outer = outer;
  }

  Scope inner() {
    return new Scope(decoder, this);
  }

  LayoutDecoder decoder() {
    return decoder;
  }

  void put(String name, long value) {
    values.put(name, value);
  }

  void put(String name, Scope group) {
    values.put(name, group);
  }

  /** A value or a group by its dotted name, looked for from the inside out; null if none. */
  @Nullable Object find(String dotted) {
    for (Scope at = this; at != null; at = at.outer) {
      Object found = at.within(dotted);
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  private @Nullable Object within(String dotted) {
    Object found = values.get(dotted);
    int dot = dotted.indexOf('.');
    if (found == null && dot > 0 && values.get(dotted.substring(0, dot)) instanceof Scope group) {
      return group.within(dotted.substring(dot + 1));
    }
    return found;
  }
}
