package dev.vmstate.core.paging;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Lists everything tables map, one 4 KiB read per table.
 *
 * <p>Every table page is described once per level. KASAN's shadow (one table of zero pages stands
 * under terabytes of addresses), espfix64 (one table in thousands of slots) and the self-map of
 * Windows reuse tables; listing each use would take hours and a list no debugger opens, so only the
 * lowest addresses of a reused table are listed. Kernel-half tables are remembered across CPUs:
 * these share them, so each further CPU costs one table. The low half is another process on each
 * CPU and is remembered per CPU only. See {@code TableWalkTest}.
 */
final class TableWalk {
  private final GuestMemory memory;
  private final WalkLimits limits;
  private final ByteBuffer[] buffers = new ByteBuffer[6];
  private final LongSet kernelSeen = new LongSet();
  private final LongSet userSeen = new LongSet();
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
    if (!(kernel ? kernelSeen : userSeen).add(address << 3 | level)) {
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
    for (int i = 0; i < entries; i++) {
      long entry =
          mode.entryBytes() == 8 ? table.getLong(8 * i) : table.getInt(4 * i) & 0xffff_ffffL;
      if ((entry & PagingMode.PRESENT) != 0) {
        long at = mode.canonical(virtual + ((long) i << mode.shift(level)));
        entry(mode, level, entry, at, mode.restrict(rights, entry, level));
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
