package dev.vmstate.core.btf;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Types of one table and its base by name: chains of numbers, eight bytes a type. */
final class BtfNames {
  private final Btf btf;
  private final int[] first;
  private final int[] next;

  BtfNames(Btf btf) {
    this.btf = btf;
    int own = btf.count() - btf.start();
    this.first = new int[Math.max(16, Integer.highestOneBit(Math.max(1, own)))];
    this.next = new int[own];
    // Backwards, so that a chain has the lowest number first.
    for (int id = btf.count() - 1; id >= btf.start(); id--) {
      int name = btf.nameOffset(id);
      if (name != 0) {
        int place = place(btf.hash(name));
        next[id - btf.start()] = first[place];
        first[place] = id;
      }
    }
  }

  private int place(int hash) {
    return (hash ^ hash >>> 15) & (first.length - 1);
  }

  /** The base's first, as the kernel does; 0 when there is none. */
  int find(String name, BtfKind... kinds) {
    int inBase = btf.base().map(base -> base.names().find(name, kinds)).orElse(0);
    if (inBase != 0) {
      return inBase;
    }
    byte[] bytes = name.getBytes(StandardCharsets.ISO_8859_1);
    int start = btf.start();
    for (int id = first[place(name.hashCode())]; id != 0; id = next[id - start]) {
      if (Arrays.asList(kinds).contains(btf.kind(id)) && btf.isString(btf.nameOffset(id), bytes)) {
        return id;
      }
    }
    return 0;
  }
}
