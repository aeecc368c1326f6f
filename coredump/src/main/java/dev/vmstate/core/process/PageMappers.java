package dev.vmstate.core.process;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.paging.EntryWalk;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.core.tasks.Tasks;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Which processes have some pages in their page tables: all tables of all processes are walked. */
public final class PageMappers {
  private static final int PAGE = 4096;

  /** Entries of all processes together: those of 256 GiB in pages of 4 KiB. */
  private static final long MOST_ENTRIES = 1L << 26;

  private final KernelObjects objects;
  private final long[] frames;
  private final Map<Long, Set<Integer>> found = new HashMap<>();
  private final Map<Integer, String> names = new TreeMap<>();
  private long left = MOST_ENTRIES;

  private PageMappers(KernelObjects objects, long[] frames) {
    this.objects = objects;
    this.frames = frames;
  }

  /**
   * Looks for them.
   *
   * @param pages guest-physical addresses of pages
   * @param except the {@code mm_struct} of a process that is not asked for
   */
  public static PageMappers of(
      KernelObjects objects, Tasks tasks, Set<Long> pages, KernelObject except) throws IOException {
    long[] frames = pages.stream().mapToLong(at -> at & -PAGE).sorted().toArray();
    PageMappers mappers = new PageMappers(objects, frames);
    Set<Long> seen = new HashSet<>(Set.of(except.address()));
    for (Map.Entry<Integer, List<Task>> process : tasks.processes().entrySet()) {
      for (Task task : process.getValue()) {
        try {
          Optional<KernelObject> mm = task.mm();
          if (mm.isPresent() && seen.add(mm.get().address())) {
            mappers.walk(mm.get(), process.getKey());
            mappers.names.put(process.getKey(), task.comm());
          }
        } catch (UnmappedAddressException broken) {
          continue; // a task that is not whole has no pages
        }
      }
    }
    return mappers;
  }

  private void walk(KernelObject mm, int pid) throws IOException {
    KernelMemory memory = objects.memory();
    OptionalLong root = memory.translate(mm.number("pgd"));
    if (root.isEmpty()) {
      return;
    }
    EntryWalk entries = new EntryWalk(memory.physical(), memory.tables().mode(), root.getAsLong());
    long end = mm.has("task_size") ? mm.number("task_size") : mm.number("highest_vm_end");
    entries.walk(
        0,
        end,
        (virtual, bytes, value, covers) -> {
          PageEntry entry = new PageEntry(entries.mode(), value, covers);
          if (left-- > 0 && entry.hasPage()) {
            long from = entry.physical() + (virtual & covers - 1);
            int at = Arrays.binarySearch(frames, from);
            for (int i = at < 0 ? -at - 1 : at;
                i < frames.length && frames[i] < from + bytes;
                i++) {
              found.computeIfAbsent(frames[i], frame -> new TreeSet<>()).add(pid);
            }
          }
        });
  }

  /** The numbers of those that have it. */
  public Set<Integer> of(long physical) {
    return found.getOrDefault(physical & -PAGE, Set.of());
  }

  /** Name of a process. */
  public String name(int pid) {
    return names.getOrDefault(pid, "");
  }

  /** False when there were too many tables, and some processes were not looked at. */
  public boolean whole() {
    return left > 0;
  }
}
