package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.PerCpu;
import java.io.IOException;
import java.util.List;

/**
 * How much memory a process has, in pages.
 *
 * @param virtual of all its areas; first field of {@code /proc/PID/statm}
 * @param resident of RAM it uses: files, anonymous, shared memory; the sum of Rss in {@code
 *     /proc/PID/smaps}
 * @param counted the same as far as the process's own counters have it. Parts of it stand with its
 *     threads (until 6.1) or with each CPU (since 6.2), to be added later; in a small process that
 *     is nearly all. Up to 6.1 {@code /proc/PID/stat} and {@code statm} show this number, and a
 *     guest's ps too; later statm shows {@link #resident}.
 * @param swapped to swap space
 * @param locked kept in RAM by mlock
 */
public record TaskMemory(long virtual, long resident, long counted, long swapped, long locked) {
  /**
   * Of the process that has this memory.
   *
   * @param users all tasks that have it: threads, and between vfork and exec another process
   */
  public static TaskMemory of(KernelObject memory, List<Task> users, PerCpu perCpu)
      throws IOException {
    Counters counters = new Counters(memory, users, perCpu);
    long resident = 0;
    long counted = 0;
    long swapped = 0;
    for (int kind = 0; kind < Counters.KINDS; kind++) {
      long exact = Math.max(0, counters.exact(kind));
      if (kind == Counters.SWAP) {
        swapped = exact;
      } else {
        resident += exact;
        counted += Math.max(0, counters.own(kind));
      }
    }
    return new TaskMemory(
        memory.number("total_vm"), resident, counted, swapped, memory.number("locked_vm"));
  }

  /** {@code mm->rss_stat}: MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES. */
  private record Counters(KernelObject mm, List<Task> users, PerCpu perCpu) {
    static final int KINDS = 4;
    static final int SWAP = 2;

    private boolean areShared() {
      return mm.has("rss_stat.count"); // struct mm_rss_stat, until 6.1
    }

    private KernelObject perCpuCounter(int kind) throws IOException {
      return mm.inside("rss_stat[%d]".formatted(kind), "percpu_counter");
    }

    long own(int kind) throws IOException {
      return areShared()
          ? mm.signed("rss_stat.count[%d]".formatted(kind))
          : perCpuCounter(kind).signed("count");
    }

    long exact(int kind) throws IOException {
      long sum = own(kind);
      if (areShared()) {
        String member = "rss_stat.count[%d]".formatted(kind);
        for (Task user : users) {
          sum += user.object().has(member) ? user.object().signed(member) : 0;
        }
        return sum;
      }
      KernelObject counter = perCpuCounter(kind);
      KernelObjects objects = mm.objects();
      if (counter.has("counters") && counter.number("counters") != 0) {
        for (int cpu : perCpu.cpus()) {
          sum += (int) objects.memory().u32(perCpu.address(counter.number("counters"), cpu));
        }
      }
      return sum;
    }
  }
}
