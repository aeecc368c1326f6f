package dev.vmstate.dump;

import java.util.Arrays;

/**
 * The records of a flattened file in the order they stand there, those of one length that continue
 * each other as one run: makedumpfile writes 4 KiB at a time. Plain arrays, since there may be two
 * million.
 */
final class FlatRuns {
  /**
   * 2 million runs, 48 MiB. QEMU, whose records have all lengths up to 16 KiB, needs that many for
   * 32 GiB of compressed dump; makedumpfile does not come near.
   */
  static final int LIMIT = 1 << 21;

  private final int gap;
  private long[] target = new long[1024];
  private long[] file = new long[1024];
  private int[] record = new int[1024];
  private int[] count = new int[1024];
  private int size;

  /** {@code gap}: bytes between the contents of two records that follow each other. */
  FlatRuns(int gap) {
    this.gap = gap;
  }

  int size() {
    return size;
  }

  /** First byte a run writes. */
  long start(int run) {
    return target[run];
  }

  /** First byte behind it. */
  long end(int run) {
    return target[run] + (long) record[run] * count[run];
  }

  /** Where in the flattened file the byte for {@code at} stands. */
  long fileOffset(int run, long at) {
    long within = at - target[run];
    return file[run] + within / record[run] * (record[run] + (long) gap) + within % record[run];
  }

  /** How many bytes from {@code at} on stand together there. */
  long together(int run, long at) {
    return record[run] - (at - target[run]) % record[run];
  }

  /**
   * Adds a record of at least one byte.
   *
   * @return false when there is no more room
   */
  boolean add(long to, long from, long bytes) {
    long at = to;
    long source = from;
    long left = bytes;
    while (left > 0) { // a record may be longer than an int counts
      int part = (int) Math.min(left, 1 << 30);
      if (!addPart(at, source, part)) {
        return false;
      }
      at += part;
      source += part;
      left -= part;
    }
    return true;
  }

  private boolean addPart(long to, long from, int bytes) {
    int last = size - 1;
    if (last >= 0
        && record[last] == bytes
        && count[last] < Integer.MAX_VALUE
        && end(last) == to
        && file[last] + (long) count[last] * (bytes + (long) gap) == from) {
      count[last]++;
      return true;
    }
    if (size == LIMIT) {
      return false;
    }
    if (size == target.length) {
      int more = Math.min(LIMIT, size + (size >>> 1));
      target = Arrays.copyOf(target, more);
      file = Arrays.copyOf(file, more);
      record = Arrays.copyOf(record, more);
      count = Arrays.copyOf(count, more);
    }
    target[size] = to;
    file[size] = from;
    record[size] = bytes;
    count[size++] = 1;
    return true;
  }

  /** The runs by where they start to write, those that start together in file order. */
  int[] byStart() {
    int[] order = new int[size];
    for (int i = 0; i < size; i++) {
      order[i] = i;
    }
    int[] merged = new int[size];
    for (int width = 1; width < size; width *= 2) {
      for (int from = 0; from < size; from += 2 * width) {
        int middle = Math.min(from + width, size);
        merge(order, from, middle, Math.min(middle + width, size), merged);
      }
      int[] swap = order;
      order = merged;
      merged = swap;
    }
    return order;
  }

  private void merge(int[] from, int left, int middle, int end, int[] to) {
    int right = middle;
    for (int at = left, a = left; at < end; at++) {
      boolean first = a < middle && (right == end || target[from[a]] <= target[from[right]]);
      to[at] = first ? from[a++] : from[right++];
    }
  }
}
