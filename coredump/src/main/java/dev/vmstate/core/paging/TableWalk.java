package dev.vmstate.core.paging;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Lists everything tables map, one 4 KiB read per table.
 *
 * <p>A table page is described at {@value #ALIASES} places at most. Small kernels and boot code map
 * the same tables low and high, and every such alias is wanted. KASAN's shadow (one table of zero
 * pages stands under terabytes of addresses), espfix64 (one table in thousands of slots) and the
 * self-map of Windows reuse tables without end; listing each use would take hours and a list no
 * debugger opens. Kernel-half tables are shared between CPUs: a top-level entry that another CPU
 * had too is not walked again. The low half is another process on each CPU. See {@code
 * TableWalkTest}.
 */
final class TableWalk {
  /** Uses of one table page that are followed. */
  static final int ALIASES = 4;

  private final GuestMemory memory;
  private final WalkLimits limits;
  private final ByteBuffer[] buffers = new ByteBuffer[6];
  private final LongCounts kernelSeen = new LongCounts();
  private final LongCounts userSeen = new LongCounts();
  private final LongCounts kernelTop = new LongCounts();
  private RunList runs;
  private long tables;
  private long dangling;
  private boolean stopped;

  TableWalk(GuestMemory memory, WalkLimits limits) {
    this.memory = memory;
    this.limits = limits;
    this.runs = new RunList(limits.runs());
    for (int level = 1; level < buffers.length; level++) {
      buffers[level] = ByteBuffer.allocate(PagingMode.PAGE).order(ByteOrder.LITTLE_ENDIAN);
    }
  }

  /** Tables read so far. */
  long tables() {
    return tables;
  }

  /** Entries that point to a table outside RAM or are malformed. */
  long dangling() {
    return dangling;
  }

  /** Whether the limit on tables ended a walk early. */
  boolean stopped() {
    return stopped;
  }

  RunList walk(PagingMode mode, long root) throws IOException {
    runs = new RunList(limits.runs());
    userSeen.clear();
    int all = VirtualRun.USER | VirtualRun.WRITABLE | VirtualRun.EXECUTABLE;
    table(mode, mode.levels(), root, 0, all);
    return runs;
  }

  private void table(PagingMode mode, int level, long address, long virtual, int rights)
      throws IOException {
    boolean kernel = mode.hasKernelHalf() && virtual < 0;
    // The low bits of a table's address are free for its level; a level is never 0.
    if ((kernel ? kernelSeen : userSeen).count(address << 3 | level) >= ALIASES) {
      return;
    }
    if (tables >= limits.tables()) {
      stopped = true;
      return;
    }
    tables++;
    ByteBuffer table = buffers[level];
    int entries = mode.entries(level);
    table.clear().limit(entries * mode.entryBytes());
    try {
      memory.readPhysical(address, table);
    } catch (UnmappedAddressException outside) {
      dangling++;
      return;
    }
    long last = -1;
    for (int i = 0; i < entries; i++) {
      long entry =
          mode.entryBytes() == 8 ? table.getLong(8 * i) : table.getInt(4 * i) & 0xffff_ffffL;
      if ((entry & PagingMode.PRESENT) != 0) {
        long at = mode.canonical(virtual + ((long) i << mode.shift(level)));
        boolean shared = mode.hasKernelHalf() && at < 0 && level == mode.levels();
        if (shared && kernelTop.count(mode.target(entry, level) | i) > 0) {
          continue; // another CPU's walk has been there
        }
        long target = mode.target(entry, level);
        if (target != last || !mode.isLeaf(entry, level)) { // the zero page under KASAN's shadow
          entry(mode, level, entry, at, mode.restrict(rights, entry, level));
        }
        last = target;
      }
    }
  }

  private void entry(PagingMode mode, int level, long entry, long virtual, int rights)
      throws IOException {
    long target = mode.target(entry, level);
    if (mode.isLeaf(entry, level)) {
      runs.add(virtual, target, 1L << mode.shift(level), rights);
    } else if (mode.isMalformed(entry, level) || memory.map().at(target).isEmpty()) {
      dangling++;
    } else {
      table(mode, level - 1, target, virtual, rights);
    }
  }
}
