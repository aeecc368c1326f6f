package dev.vmstate.core.paging;

import java.util.Arrays;

/**
 * How often each of many non-zero longs was counted, by open addressing: no object per table page.
 */
final class LongCounts {
  private long[] keys = new long[1024];
  private byte[] counts = new byte[1024];
  private int size;

  /** Counts {@code key} once more, up to 127; says how often it was counted before. */
  int count(long key) {
    if (2 * size >= keys.length) {
      grow();
    }
    int at = slot(key);
    int before = counts[at];
    if (before < Byte.MAX_VALUE) {
      counts[at]++;
    }
    if (keys[at] == 0) {
      keys[at] = key;
      size++;
    }
    return before;
  }

  void clear() {
    Arrays.fill(keys, 0);
    Arrays.fill(counts, (byte) 0);
    size = 0;
  }

  /** Where {@code key} is, or the free slot where it belongs. */
  private int slot(long key) {
    int mask = keys.length - 1;
    int at = (int) ((key * 0x9e37_79b9_7f4a_7c15L) >>> 40) & mask;
    while (keys[at] != 0 && keys[at] != key) {
      at = (at + 1) & mask;
    }
    return at;
  }

  private void grow() {
    long[] oldKeys = keys;
    byte[] oldCounts = counts;
    keys = new long[2 * oldKeys.length];
    counts = new byte[keys.length];
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != 0) {
        int at = slot(oldKeys[i]);
        keys[at] = oldKeys[i];
        counts[at] = oldCounts[i];
      }
    }
  }
}
