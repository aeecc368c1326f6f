package dev.vmstate.core.objects;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.Optional;

/**
 * A {@code struct xarray}: page caches, and the IDRs that hold pids. An entry is a pointer; one
 * with bit 0 set is a value (a swap entry, a shadow). {@code (entry & 3) == 2} is a node, and below
 * 4096 a mark of the array's own: sibling, retry, zero. Linux 4.20 and later. Source: {@code
 * include/linux/xarray.h}, {@code lib/xarray.c}.
 */
public final class XArray {
  private static final int INTERNAL = 2;
  private static final int MASK = 3;
  private static final long LEAST_NODE = 4096;
  private static final int MOST_LEVELS = 16;

  /** Told of every entry, values too. */
  public interface Visitor {
    /** False ends the walk. */
    boolean entry(long index, long entry) throws IOException;
  }

  private final KernelMemory memory;
  private final long head;
  private final long shiftAt;
  private final long slotsAt;
  private final int slots;
  private long left;

  /**
   * Of the array at an address.
   *
   * @param address of the {@code struct xarray} (in an IDR: of its {@code idr_rt})
   * @throws NoSuchMemberException for a kernel older than XArrays
   */
  public XArray(KernelObjects objects, long address) throws IOException {
    KernelObject node = objects.at("xa_node", 0);
    this.memory = objects.memory();
    this.head = memory.word(objects.at("xarray", address).at("xa_head"));
    this.shiftAt = node.at("shift");
    this.slotsAt = node.at("slots");
    this.slots = (int) Math.min(64, objects.types().length("xa_node", "slots").orElse(64));
  }

  /** The entry at an index; 0 where there is none. */
  public long load(long index) throws IOException {
    long entry = head;
    if (!isNode(entry)) {
      return index == 0 && !isInternal(entry) ? entry : 0;
    }
    for (int level = 0, above = 64; level < MOST_LEVELS; level++) {
      int shift = memory.u8(entry - INTERNAL + shiftAt);
      if (shift >= above || level == 0 && index >>> shift >= slots) {
        return 0;
      }
      long next = slot(entry, (int) (index >>> shift) & slots - 1);
      if (isSibling(next)) {
        next = slot(entry, (int) (next >>> 2) & slots - 1);
      }
      if (!isNode(next)) {
        return isInternal(next) ? 0 : next;
      }
      entry = next;
      above = shift;
    }
    return 0;
  }

  /**
   * Tells of all entries, by index; an entry for many indices once, with the first of them.
   *
   * @param most nodes and entries looked at
   * @return why it broke off before the end, if so; a visitor that wants no more is no reason
   */
  public Optional<String> walk(int most, Visitor visitor) throws IOException {
    left = most;
    if (isNode(head)) {
      Walk walk = new Walk(visitor);
      walk.node(head, 0, 64);
      return walk.fault;
    }
    if (head != 0 && !isInternal(head)) {
      visitor.entry(0, head);
    }
    return Optional.empty();
  }

  /** Nodes and entries that the last walk would have looked at. */
  public long left() {
    return Math.max(0, left);
  }

  /** Told of entries with all indices they are for. */
  public interface RangeVisitor {
    /** {@code last} belongs to it; an entry for many is told once, with all of them. */
    void entry(long first, long last, long entry) throws IOException;
  }

  /**
   * Tells of the entries for any index from {@code from} to {@code last}, by index. Only the nodes
   * that lead there are read.
   *
   * @param most nodes and entries looked at
   * @return why it broke off before the end, if so
   */
  public Optional<String> range(long from, long last, int most, RangeVisitor visitor)
      throws IOException {
    left = most;
    if (isNode(head)) {
      RangeWalk walk = new RangeWalk(from, last, visitor);
      walk.node(head, 0, 64, Long.MAX_VALUE);
      return walk.fault;
    }
    if (head != 0 && !isInternal(head) && from == 0) {
      visitor.entry(0, 0, head);
    }
    return Optional.empty();
  }

  private final class RangeWalk {
    private final long from;
    private final long last;
    private final RangeVisitor visitor;
    private Optional<String> fault = Optional.empty();

    RangeWalk(long from, long last, RangeVisitor visitor) {
      this.from = from;
      this.last = last;
      this.visitor = visitor;
    }

    private void broken(String why) {
      fault = fault.isPresent() ? fault : Optional.of(why);
    }

    /** {@code limit}: the last index the node's parent has it for; its own entries end there. */
    void node(long entry, long first, int above, long limit) throws IOException {
      try {
        int shift = memory.u8(entry - INTERNAL + shiftAt);
        if (shift >= above) {
          broken("has a node at 0x%x that is not below its parent".formatted(entry));
          return;
        }
        int begin = from > first ? (int) Math.min(slots, (from - first) >>> shift) : 0;
        if (begin < slots && isSibling(slot(entry, begin))) {
          begin = (int) Math.min(begin, slot(entry, begin) >>> 2);
        }
        for (int i = begin; i < slots; i++) {
          long index = first + ((long) i << shift);
          if (index > last || index < first) {
            return;
          }
          if (index > limit) {
            broken("has a node at 0x%x with more than its parent has it for".formatted(entry));
            return;
          }
          long next = slot(entry, i);
          if (next == 0 || isInternal(next) && !isNode(next)) {
            continue;
          }
          if (left-- <= 0) {
            broken("has more entries than a kernel makes");
            return;
          }
          if (isNode(next)) {
            node(next, index, shift, Math.min(limit, index + (1L << shift) - 1));
          } else {
            int end = i + 1;
            while (end < slots && isSibling(slot(entry, end)) && slot(entry, end) >>> 2 == i) {
              end++;
            }
            visitor.entry(index, Math.min(limit, first + ((long) end << shift) - 1), next);
          }
        }
      } catch (UnmappedAddressException outside) {
        broken("leads to 0x%x, where no RAM is".formatted(outside.address()));
      }
    }
  }

  private final class Walk {
    private final Visitor visitor;
    private Optional<String> fault = Optional.empty();

    Walk(Visitor visitor) {
      this.visitor = visitor;
    }

    private boolean broken(String why) {
      fault = fault.isPresent() ? fault : Optional.of(why);
      return left > 0;
    }

    /** False when the walk is over. */
    boolean node(long entry, long first, int above) throws IOException {
      try {
        int shift = memory.u8(entry - INTERNAL + shiftAt);
        if (shift >= above) {
          return broken("has a node at 0x%x that is not below its parent".formatted(entry));
        }
        for (int i = 0; i < slots; i++) {
          long next = slot(entry, i);
          if (next == 0 || isInternal(next) && !isNode(next)) {
            continue;
          }
          if (left-- <= 0) {
            return broken("has more entries than a kernel makes");
          }
          long index = first | (long) i << shift;
          if (!(isNode(next) ? node(next, index, shift) : visitor.entry(index, next))) {
            return false;
          }
        }
        return true;
      } catch (UnmappedAddressException outside) {
        return broken("leads to 0x%x, where no RAM is".formatted(outside.address()));
      }
    }
  }

  private long slot(long node, int at) throws IOException {
    return memory.word(node - INTERNAL + slotsAt + (long) at * memory.wordBytes());
  }

  private static boolean isInternal(long entry) {
    return (entry & MASK) == INTERNAL;
  }

  private static boolean isNode(long entry) {
    return isInternal(entry) && Long.compareUnsigned(entry, LEAST_NODE) > 0;
  }

  private boolean isSibling(long entry) {
    return isInternal(entry) && Long.compareUnsigned(entry >>> 2, slots) < 0;
  }
}
