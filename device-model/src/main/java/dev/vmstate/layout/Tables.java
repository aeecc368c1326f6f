package dev.vmstate.layout;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the table files say, all together: a struct or a set of names may be used in any file. */
final class Tables {
  final List<Layout> layouts = new ArrayList<>();
  final Map<String, Item.Block> structs = new HashMap<>();
  final Map<String, Naming> sets = new HashMap<>();

  /** When QEMU writes a subsection, in its words, by the subsection's name. */
  final Map<String, String> needed = new HashMap<>();

  final List<FieldNames> names = new ArrayList<>();

  /** Names for the fields of certain devices, by path without the group's indexes. */
  record FieldNames(Layout.Glob device, Map<String, Naming> byPath) {
    FieldNames(Layout.Glob device) {
      this(device, new LinkedHashMap<>());
    }
  }

  /** The struct of that name, which may stand further down. */
  Item.Block struct(String name) {
    return structs.computeIfAbsent(name, key -> new Item.Block());
  }

  Naming set(String name) {
    return sets.computeIfAbsent(name, key -> new Naming());
  }
}
