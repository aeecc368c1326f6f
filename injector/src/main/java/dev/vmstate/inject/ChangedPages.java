package dev.vmstate.inject;

import dev.vmstate.memory.RamBlock;
import java.util.List;

/** Which pages differ: one bit a page, whatever the RAM's size. */
final class ChangedPages {
  private final long[][] bits;

  ChangedPages(List<RamBlock> blocks) {
    bits = new long[blocks.size()][];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = new long[Math.toIntExact((blocks.get(i).pages() + 63) / 64)];
    }
  }

  void set(int block, long page, boolean changed) {
    long mask = 1L << page;
    if (changed) {
      bits[block][(int) (page >>> 6)] |= mask;
    } else {
      bits[block][(int) (page >>> 6)] &= ~mask;
    }
  }

  /** The first changed page at or after {@code page}, or -1. */
  long next(int block, long page) {
    long[] words = bits[block];
    int at = (int) (page >>> 6);
    if (at >= words.length) {
      return -1;
    }
    long word = words[at] & -1L << page;
    while (word == 0) {
      if (++at == words.length) {
        return -1;
      }
      word = words[at];
    }
    return 64L * at + Long.numberOfTrailingZeros(word);
  }

  long count() {
    long count = 0;
    for (long[] words : bits) {
      for (long word : words) {
        count += Long.bitCount(word);
      }
    }
    return count;
  }
}
