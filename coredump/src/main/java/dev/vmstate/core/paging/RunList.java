package dev.vmstate.core.paging;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Runs by ascending virtual address, unsigned, without overlap, in arrays: a fragmented guest has
 * millions. Keeps at most a given number of them, the longest, and counts what it let go.
 */
final class RunList {
  private final int keep;
  private long[] virtual = new long[64];
  private long[] physical = new long[64];
  private long[] bytes = new long[64];
  private byte[] rights = new byte[64];
  private int size;
  private long leftOut;
  private long leftOutBytes;

  RunList(int keep) {
    this.keep = keep;
  }

  long leftOut() {
    return leftOut;
  }

  long leftOutBytes() {
    return leftOutBytes;
  }

  /** Appends; {@code start} is above every address added before. */
  void add(long start, long target, long length, int right) {
    int last = size - 1;
    if (size > 0
        && virtual[last] + bytes[last] == start
        && physical[last] + bytes[last] == target
        && ((rights[last] ^ right) & VirtualRun.USER) == 0) {
      bytes[last] += length;
      rights[last] |= (byte) right;
      return;
    }
    if (size >= 2L * keep + 64) {
      prune(size - 1); // the last run may still grow
    }
    if (size == virtual.length) {
      virtual = Arrays.copyOf(virtual, 2 * size);
      physical = Arrays.copyOf(physical, 2 * size);
      bytes = Arrays.copyOf(bytes, 2 * size);
      rights = Arrays.copyOf(rights, 2 * size);
    }
    virtual[size] = start;
    physical[size] = target;
    bytes[size] = length;
    rights[size] = (byte) right;
    size++;
  }

  /** Lets go of all but the longest runs; of equally long ones the lower addresses stay. */
  void prune() {
    prune(size);
  }

  private void prune(int candidates) {
    if (candidates <= keep) {
      return;
    }
    long[] lengths = Arrays.copyOf(bytes, candidates);
    Arrays.sort(lengths);
    long shortest = lengths[candidates - keep];
    int longer = 0;
    for (long length : lengths) {
      longer += length > shortest ? 1 : 0;
    }
    int equalAllowed = keep - longer;
    int to = 0;
    for (int from = 0; from < size; from++) {
      boolean stays = from >= candidates || bytes[from] > shortest;
      if (!stays && bytes[from] == shortest && equalAllowed > 0) {
        equalAllowed--;
        stays = true;
      }
      if (stays) {
        virtual[to] = virtual[from];
        physical[to] = physical[from];
        bytes[to] = bytes[from];
        rights[to] = rights[from];
        to++;
      } else {
        leftOut++;
        leftOutBytes += bytes[from];
      }
    }
    size = to;
  }

  /** These runs, and of {@code more} the addresses that none of these covers. */
  RunList plus(RunList more) {
    RunList result = new RunList(keep);
    result.leftOut = leftOut + more.leftOut;
    result.leftOutBytes = leftOutBytes + more.leftOutBytes;
    int mine = 0;
    for (int i = 0; i < more.size; i++) {
      long at = more.virtual[i];
      long end = more.last(i);
      while (mine < size && Long.compareUnsigned(last(mine), at) < 0) {
        result.copy(this, mine++);
      }
      boolean covered = false;
      while (mine < size && Long.compareUnsigned(virtual[mine], end) <= 0) {
        if (Long.compareUnsigned(at, virtual[mine]) < 0) {
          result.copyPart(more, i, at, virtual[mine] - at);
        }
        if (Long.compareUnsigned(last(mine), end) >= 0) {
          covered = true;
          break;
        }
        at = last(mine) + 1;
        result.copy(this, mine++);
      }
      if (!covered) {
        result.copyPart(more, i, at, end - at + 1);
      }
    }
    while (mine < size) {
      result.copy(this, mine++);
    }
    return result;
  }

  List<VirtualRun> toList() {
    List<VirtualRun> runs = new ArrayList<>(size);
    for (int i = 0; i < size; i++) {
      runs.add(new VirtualRun(virtual[i], physical[i], bytes[i], rights[i]));
    }
    return List.copyOf(runs);
  }

  /** Last address of a run: the end of the topmost run would be 2^64. */
  private long last(int i) {
    return virtual[i] + bytes[i] - 1;
  }

  private void copy(RunList from, int i) {
    add(from.virtual[i], from.physical[i], from.bytes[i], from.rights[i]);
  }

  private void copyPart(RunList from, int i, long start, long length) {
    add(start, from.physical[i] + (start - from.virtual[i]), length, from.rights[i]);
  }
}
