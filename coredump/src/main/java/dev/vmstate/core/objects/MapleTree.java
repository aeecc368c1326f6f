package dev.vmstate.core.objects;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A {@code struct maple_tree}: ranges of numbers, each with a pointer; the areas of a process since
 * 6.1. Source: {@code include/linux/maple_tree.h}, {@code lib/maple_tree.c}.
 *
 * <pre>
 * ma_root    a pointer alone (of index 0), or, with bits 1:0 = 2, a node
 * node       address without its low 8 bits; bit 1 of the root's, bit 2 of others; bits 6:3 are
 *            its type:
 *            1 leaf_64, 2 range_64  struct maple_range_64: pivot[15], slot[16]
 *            3 arange_64            struct maple_arange_64: pivot[9], slot[10]
 * slot i     is of the numbers from pivot[i-1]+1 to pivot[i]; the last used one ends where its
 *            parent's does, and its pivot is 0, that number, or one slot behind the last pivot
 * </pre>
 */
public final class MapleTree {
  private static final int LEAF_64 = 1;
  private static final int RANGE_64 = 2;
  private static final int ARANGE_64 = 3;
  private static final int NODE_MASK = 0xff;
  private static final long LEAST_NODE = 4096;

  /** {@code MAPLE_HEIGHT_MAX}. */
  private static final int MOST_LEVELS = 31;

  /** Told of every pointer. */
  public interface Visitor {
    /** Both ends belong to the range; unsigned. */
    void entry(long first, long last, long pointer) throws IOException;
  }

  private final KernelMemory memory;
  private final long root;
  private final Shape range;
  private final Optional<Shape> gapped;

  /** Where a kind of node has its numbers and pointers. */
  private record Shape(long pivotAt, int pivots, long slotAt, int slots) {
    static Shape of(KernelObjects objects, String type) throws NoSuchMemberException {
      KernelObject node = objects.at(type, 0);
      OptionalLong pivots = objects.types().length(type, "pivot");
      OptionalLong slots = objects.types().length(type, "slot");
      return new Shape(
          node.at("pivot"),
          (int) Math.min(pivots.orElse(15), 31),
          node.at("slot"),
          (int) Math.min(slots.orElse(16), 32));
    }
  }

  /**
   * Of the tree at an address.
   *
   * @param address of the {@code struct maple_tree}
   * @throws NoSuchMemberException for a kernel older than maple trees
   */
  public MapleTree(KernelObjects objects, long address) throws IOException {
    this.memory = objects.memory();
    this.root = memory.word(objects.at("maple_tree", address).at("ma_root"));
    this.range = Shape.of(objects, "maple_range_64");
    this.gapped =
        objects.at("maple_arange_64", 0).has("pivot")
            ? Optional.of(Shape.of(objects, "maple_arange_64"))
            : Optional.empty();
  }

  /**
   * Tells of all pointers, by number.
   *
   * @param most nodes and pointers looked at
   * @return why it broke off, or passed something over, if it did
   */
  public Optional<String> walk(int most, Visitor visitor) throws IOException {
    Walk walk = new Walk(visitor, most);
    if (isNode(root)) {
      walk.node(root, 0, -1, 0);
    } else if (root != 0 && (root & 3) == 0) {
      visitor.entry(0, 0, root);
    }
    return walk.fault;
  }

  private static boolean isNode(long entry) {
    return (entry & 3) == 2 && Long.compareUnsigned(entry, LEAST_NODE) > 0;
  }

  private final class Walk {
    private final Visitor visitor;
    private int left;
    private Optional<String> fault = Optional.empty();

    Walk(Visitor visitor, int most) {
      this.visitor = visitor;
      this.left = most;
    }

    private void broken(String what, Object... values) {
      fault = fault.isPresent() ? fault : Optional.of(what.formatted(values));
    }

    void node(long entry, long first, long last, int depth) throws IOException {
      long node = entry & ~NODE_MASK;
      int type = (int) (entry >>> 3) & 0xf;
      if (depth >= MOST_LEVELS
          || type < LEAF_64
          || type > ARANGE_64
          || type == ARANGE_64 && gapped.isEmpty()) {
        broken("has a node 0x%x of type %d at level %d", node, type, depth);
        return;
      }
      Shape shape = type == ARANGE_64 ? gapped.orElse(range) : range;
      long low = first;
      try {
        for (int i = 0; i < shape.slots(); i++) {
          if (left-- <= 0) {
            broken("has more entries than a kernel makes");
            return;
          }
          long high = last;
          if (i < shape.pivots()) {
            long pivot = memory.word(node + shape.pivotAt() + (long) i * memory.wordBytes());
            if (pivot != 0 || i == 0) {
              high = pivot;
            }
          }
          if (Long.compareUnsigned(high, last) > 0 || Long.compareUnsigned(high, low) < 0) {
            broken("has a node 0x%x whose numbers are in no order", node);
            return;
          }
          slot(node + shape.slotAt() + (long) i * memory.wordBytes(), type, low, high, depth);
          if (high == last) {
            return;
          }
          low = high + 1;
        }
      } catch (UnmappedAddressException outside) {
        broken("leads to 0x%x, where no RAM is", outside.address());
      }
    }

    private void slot(long at, int type, long first, long last, int depth) throws IOException {
      long next = memory.word(at);
      if (type == RANGE_64 || type == ARANGE_64) {
        if (Long.compareUnsigned(next, LEAST_NODE) > 0) {
          node(next, first, last, depth + 1);
        } else if (next != 0) {
          broken("has 0x%x where a node should be", next);
        }
      } else if (next != 0 && (next & 3) == 0 && Long.compareUnsigned(next, LEAST_NODE) > 0) {
        visitor.entry(first, last, next);
      }
    }
  }
}
