package dev.vmstate.core.paging;

import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.GuestMemory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the CPUs' page tables map, as runs. An address two CPUs map differently (another process, a
 * per-CPU kernel page) is the first CPU's.
 *
 * @param runs by ascending virtual address, unsigned, without overlap
 * @param runsLeftOut runs shorter than all of {@code runs} that the limit kept out
 * @param bytesLeftOut their bytes
 * @param tables table pages read
 * @param danglingEntries entries that should point to a table and point outside RAM; more than a
 *     few mean that the memory map is wrong
 * @param complete false when the limit on table pages ended the walk
 */
public record VirtualMap(
    List<VirtualRun> runs,
    long runsLeftOut,
    long bytesLeftOut,
    long tables,
    long danglingEntries,
    boolean complete) {

  /** No virtual addresses: paging off, or not wanted. */
  public static final VirtualMap NONE = new VirtualMap(List.of(), 0, 0, 0, 0, true);

  public VirtualMap {
    runs = List.copyOf(runs);
  }

  /** Walks with {@link WalkLimits#DEFAULT}. */
  public static VirtualMap of(GuestMemory memory, List<X86Cpu> cpus) throws IOException {
    return of(memory, cpus, WalkLimits.DEFAULT);
  }

  /** Walks those of the CPUs, and then a kernel's, when no CPU used them; with the same limits. */
  public static VirtualMap of(GuestMemory memory, List<X86Cpu> cpus, PageTables kernel)
      throws IOException {
    List<PageTables> tables = new ArrayList<>();
    boolean used = false;
    for (X86Cpu cpu : cpus) {
      Optional<PageTables> own = PageTables.of(memory, cpu);
      own.ifPresent(tables::add);
      used |=
          own.isPresent() && own.get().mode() == kernel.mode() && own.get().root() == kernel.root();
    }
    if (!used) {
      tables.add(kernel);
    }
    return ofTables(memory, tables, WalkLimits.DEFAULT);
  }

  /** Walks the tables of every CPU that has paging on, in the order given. */
  public static VirtualMap of(GuestMemory memory, List<X86Cpu> cpus, WalkLimits limits)
      throws IOException {
    List<PageTables> tables = new ArrayList<>();
    for (X86Cpu cpu : cpus) {
      PageTables.of(memory, cpu).ifPresent(tables::add);
    }
    return ofTables(memory, tables, limits);
  }

  /** Walks exactly these tables, in the order given. */
  public static VirtualMap ofTables(GuestMemory memory, List<PageTables> tables, WalkLimits limits)
      throws IOException {
    TableWalk walk = new TableWalk(memory, limits);
    RunList runs = new RunList(limits.runs());
    for (PageTables next : tables) {
      runs = runs.plus(walk.walk(next.mode(), next.root()));
    }
    runs.prune();
    return new VirtualMap(
        runs.toList(),
        runs.leftOut(),
        runs.leftOutBytes(),
        walk.tables(),
        walk.dangling(),
        !walk.stopped());
  }

  /** The run that holds {@code virtual}. */
  public Optional<VirtualRun> at(long virtual) {
    int low = 0;
    int high = runs.size() - 1;
    while (low <= high) {
      int mid = (low + high) >>> 1;
      VirtualRun run = runs.get(mid);
      if (Long.compareUnsigned(virtual, run.virtual()) < 0) {
        high = mid - 1;
      } else if (Long.compareUnsigned(virtual - run.virtual(), run.bytes()) >= 0) {
        low = mid + 1;
      } else {
        return Optional.of(run);
      }
    }
    return Optional.empty();
  }
}
