package dev.vmstate.core.paging;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * All entries of page tables that say something of addresses, present ones or not: an operating
 * system keeps in the others where it has put a page. What is empty is passed over by the largest
 * piece it is empty in, so that 64 TiB without a page cost 128 entries. Not thread-safe.
 */
public final class EntryWalk {
  /** Told of every last-level entry that is not zero, by address. */
  public interface Visitor {
    /**
     * An entry for some addresses.
     *
     * @param virtual the first of them that was asked for
     * @param bytes how many were asked for
     * @param entry as it stands in the table
     * @param covers bytes it is for, a power of two
     */
    void entry(long virtual, long bytes, long entry, long covers) throws IOException;
  }

  private final GuestMemory memory;
  private final PagingMode mode;
  private final long root;
  private final @Nullable ByteBuffer[] tables = new ByteBuffer[6];
  private final long[] tablesAt = new long[6];
  private long left;

  /**
   * Over the tables from {@code root} on.
   *
   * @param root guest-physical address of the top table
   */
  public EntryWalk(GuestMemory memory, PagingMode mode, long root) {
    this.memory = memory;
    this.mode = mode;
    this.root = root;
    // No process has more tables than its machine has pages, unless they are made to be walked for
    // ever; a table of two areas is read twice.
    long pages = 0;
    for (var range : memory.map().ranges()) {
      pages += range.bytes() / PagingMode.PAGE;
    }
    this.left = 4096 + 4 * pages;
  }

  /** Number and kind of levels. */
  public PagingMode mode() {
    return mode;
  }

  /**
   * Tells of the entries for {@code from} up to {@code end}, both in the same half.
   *
   * @return false when there were more tables than can be, and some were passed over
   */
  public boolean walk(long from, long end, Visitor visitor) throws IOException {
    if (from < end && mode.translates(from) && mode.translates(end - 1)) {
      table(root, mode.levels(), from, end, visitor);
    }
    return left > 0;
  }

  /** Ends this walk and all others: {@link #walk} says that it passed something over. */
  public void end() {
    left = 0;
  }

  private void table(long address, int level, long from, long end, Visitor visitor)
      throws IOException {
    long covers = 1L << mode.shift(level);
    left--;
    for (long at = from; at < end && left > 0; ) {
      long next = Math.min(end, (at & -covers) + covers);
      long value = entry(level, address, mode.index(at, level));
      if (value != 0) {
        boolean present = (value & PagingMode.PRESENT) != 0;
        if (present && mode.isMalformed(value, level)) {
          // The CPU faults on it.
        } else if (!present || mode.isLeaf(value, level)) {
          visitor.entry(at, next - at, value, covers);
        } else {
          table(mode.target(value, level), level - 1, at, next, visitor);
        }
      }
      at = next;
    }
  }

  /** An entry; zero where no RAM holds it. */
  private long entry(int level, long address, int index) throws IOException {
    ByteBuffer table = tables[level];
    if (table == null || tablesAt[level] != address) {
      table = table == null ? ByteBuffer.allocate(PagingMode.PAGE) : table;
      tables[level] = null; // until it is whole
      table.clear().limit(mode.entries(level) * mode.entryBytes());
      try {
        memory.readPhysical(address, table);
      } catch (UnmappedAddressException outside) {
        return 0;
      }
      tables[level] = table.order(ByteOrder.LITTLE_ENDIAN);
      tablesAt[level] = address;
    }
    return mode.entryBytes() == 8
        ? table.getLong(8 * index)
        : table.getInt(4 * index) & 0xffff_ffffL;
  }
}
