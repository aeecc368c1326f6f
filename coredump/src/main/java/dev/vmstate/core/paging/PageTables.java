package dev.vmstate.core.paging;

import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * One CPU's page tables: translates its virtual addresses. {@link VirtualMap} lists all of them.
 * Not thread-safe.
 */
public final class PageTables {
  private final GuestMemory memory;
  private final PagingMode mode;
  private final long root;
  private final ByteBuffer entry = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

  /**
   * Tables at a place of the caller's choice.
   *
   * @param root guest-physical address of the top table, see {@link PagingMode#root}
   */
  public PageTables(GuestMemory memory, PagingMode mode, long root) {
    this.memory = memory;
    this.mode = mode;
    this.root = root;
  }

  /**
   * The tables {@code cpu} uses, the kernel's own ones when a PTI kernel had switched to the user
   * copy ({@link PtiRoot}); empty when paging is off.
   */
  public static Optional<PageTables> of(GuestMemory memory, X86Cpu cpu) throws IOException {
    Optional<PagingMode> mode = PagingMode.of(cpu);
    if (mode.isEmpty()) {
      return Optional.empty();
    }
    long root = PtiRoot.kernelRoot(memory, mode.get(), mode.get().root(cpu.get("cr3")));
    return Optional.of(new PageTables(memory, mode.get(), root));
  }

  /** Number and kind of levels. */
  public PagingMode mode() {
    return mode;
  }

  /** Guest-physical address of the top table. */
  public long root() {
    return root;
  }

  /**
   * The guest-physical address of {@code virtual}; empty when it is not mapped, not canonical, or a
   * table on the way is not in RAM. The result need not be RAM.
   */
  public OptionalLong translate(long virtual) throws IOException {
    if (!mode.translates(virtual)) {
      return OptionalLong.empty();
    }
    long table = root;
    for (int level = mode.levels(); level >= 1; level--) {
      long value;
      try {
        value = entry(table + (long) mode.index(virtual, level) * mode.entryBytes());
      } catch (UnmappedAddressException outside) {
        return OptionalLong.empty();
      }
      if ((value & PagingMode.PRESENT) == 0 || mode.isMalformed(value, level)) {
        return OptionalLong.empty();
      }
      table = mode.target(value, level);
      if (mode.isLeaf(value, level)) {
        return OptionalLong.of(table + (virtual & ((1L << mode.shift(level)) - 1)));
      }
    }
    return OptionalLong.empty();
  }

  /**
   * Fills {@code into} from {@code virtual} on.
   *
   * @throws UnmappedAddressException with the first virtual address that is not mapped, or the
   *     first physical one that is not RAM
   */
  public void read(long virtual, ByteBuffer into) throws IOException {
    int limit = into.limit();
    long at = virtual;
    while (into.position() < limit) {
      OptionalLong physical = translate(at);
      if (physical.isEmpty()) {
        throw new UnmappedAddressException("virtual", at);
      }
      int part = (int) Math.min(limit - into.position(), PagingMode.PAGE - (at & 0xfff));
      into.limit(into.position() + part);
      memory.readPhysical(physical.getAsLong(), into);
      into.limit(limit);
      at += part;
    }
  }

  private long entry(long address) throws IOException {
    entry.clear().limit(mode.entryBytes());
    memory.readPhysical(address, entry);
    return mode.entryBytes() == 8 ? entry.getLong(0) : entry.getInt(0) & 0xffff_ffffL;
  }
}
