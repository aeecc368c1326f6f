package dev.vmstate.core.paging;

import java.util.Arrays;

/** A set of non-zero longs by open addressing: no object per table page. */
final class LongSet {
  private long[] slots = new long[1024];
  private int size;

  /** Whether {@code value} was not in the set before. */
  boolean add(long value) {
    if (2 * size >= slots.length) {
      grow();
    }
    return insert(value);
  }

  void clear() {
    Arrays.fill(slots, 0);
    size = 0;
  }

  private boolean insert(long value) {
    int mask = slots.length - 1;
    int at = (int) ((value * 0x9e37_79b9_7f4a_7c15L) >>> 40) & mask;
    while (slots[at] != 0) {
      if (slots[at] == value) {
        return false;
      }
      at = (at + 1) & mask;
    }
    slots[at] = value;
    size++;
    return true;
  }

  private void grow() {
    long[] old = slots;
    slots = new long[2 * old.length];
    size = 0;
    for (long value : old) {
      if (value != 0) {
        insert(value);
      }
    }
  }
}
