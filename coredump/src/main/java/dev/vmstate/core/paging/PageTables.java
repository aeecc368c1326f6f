package dev.vmstate.core.paging;

import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * One CPU's page tables: translates its virtual addresses. {@link VirtualMap} lists all of them.
 * Not thread-safe.
 */
public final class PageTables {
  /** Entries {@link #nextMapped} looks at: those of a kernel's gigabyte in small pages, twice. */
  private static final int MOST_STEPS = 1 << 19;

  /** Of all its calls, a second or two; real tables take a hundredth of it. */
  private static final long MOST_STEPS_IN_ALL = 1 << 25;

  private static final long MASK_32 = 0xffff_ffffL;

  private final GuestMemory memory;
  private final PagingMode mode;
  private final long root;
  private long stepsInAll;

  /** The table read last of each level: who walks addresses in order needs it again. */
  private final @Nullable ByteBuffer[] tables = new ByteBuffer[6];

  private final long[] tablesAt = new long[6];

  /**
   * What the tables say of an address.
   *
   * @param mapped whether it is mapped
   * @param physical its guest-physical address, if it is; need not be RAM
   * @param bytes from the address to where the entry that decided ends: at least as many are mapped
   *     one behind the other, or not mapped
   * @param writable whether the entries of all levels allow writing
   */
  public record Reach(boolean mapped, long physical, long bytes, boolean writable) {}

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
    return mode.isEmpty() ? Optional.empty() : Optional.of(of(memory, mode.get(), cpu.get("cr3")));
  }

  /** The tables of a CPU with this {@code cr3}, the kernel's own ones for a user copy's. */
  public static PageTables of(GuestMemory memory, PagingMode mode, long cr3) throws IOException {
    return new PageTables(memory, mode, PtiRoot.kernelRoot(memory, mode, mode.root(cr3)));
  }

  /** Entries that {@link #nextMapped} has looked at so far. */
  public long steps() {
    return stepsInAll;
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
    Reach reach = reach(virtual);
    return reach.mapped() ? OptionalLong.of(reach.physical()) : OptionalLong.empty();
  }

  /** The same, and how far that goes. */
  public Reach reach(long virtual) throws IOException {
    if (!mode.translates(virtual)) {
      return hole(virtual, 12);
    }
    long table = root;
    int rights = VirtualRun.WRITABLE;
    for (int level = mode.levels(); level >= 1; level--) {
      long value = entry(level, table, mode.index(virtual, level));
      if ((value & PagingMode.PRESENT) == 0 || mode.isMalformed(value, level)) {
        return hole(virtual, mode.shift(level));
      }
      table = mode.target(value, level);
      rights = mode.restrict(rights, value, level);
      if (mode.isLeaf(value, level)) {
        long bytes = 1L << mode.shift(level);
        long into = virtual & (bytes - 1);
        return new Reach(true, table + into, bytes - into, rights != 0);
      }
    }
    return hole(virtual, 12);
  }

  private static Reach hole(long virtual, int shift) {
    long bytes = 1L << shift;
    return new Reach(false, 0, bytes - (virtual & (bytes - 1)), false);
  }

  /**
   * The first mapped address from {@code from} on and below {@code end}, both in the same half.
   * Tables made to be walked for ever end the search: then it is as if there were none.
   */
  public OptionalLong nextMapped(long from, long end) throws IOException {
    long at = from;
    for (int steps = 0; steps < MOST_STEPS && Long.compareUnsigned(at, end) < 0; steps++) {
      if (++stepsInAll > MOST_STEPS_IN_ALL) {
        break;
      }
      Reach reach = reach(at);
      if (reach.mapped()) {
        return OptionalLong.of(at);
      }
      at += reach.bytes();
      if (at == 0) {
        break; // behind the last address
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

  /** An entry; one that no RAM holds is not present. */
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
    return mode.entryBytes() == 8 ? table.getLong(8 * index) : table.getInt(4 * index) & MASK_32;
  }
}
