package dev.vmstate.core.process;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.PerCpu;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Which task each CPU runs: the per-CPU {@code current_task}, from 6.2 to 6.14 {@code
 * pcpu_hot.current_task}.
 *
 * <p>QEMU's CPUs and Linux's are numbered alike on most machines, but nobody promises it. A CPU in
 * Linux has its own task state segment, the per-CPU {@code cpu_tss_rw}, mapped once more in its
 * {@code cpu_entry_area}: the page TR points to says which CPU it is, in user mode and with
 * page-table isolation too.
 */
public final class RunningTasks {
  /**
   * A task that runs.
   *
   * @param cpu the virtual CPU
   * @param number Linux's number of it
   * @param base what is added to a per-CPU symbol: {@code __per_cpu_offset[number]}
   */
  public record Running(X86Cpu cpu, int number, long base) {
    /** Whether it is in user mode. */
    public boolean inUserMode() {
      return (cpu.get("cs.selector") & 3) == 3;
    }
  }

  private final Map<Long, Running> byTask;

  private RunningTasks(Map<Long, Running> byTask) {
    this.byTask = byTask;
  }

  /** Of those CPUs; one that is not in this kernel is left out. */
  public static RunningTasks of(KernelObjects objects, List<X86Cpu> cpus) throws IOException {
    PerCpu perCpu = PerCpu.of(objects);
    Map<Long, Running> byTask = new HashMap<>();
    OptionalLong current = currentSymbol(objects);
    if (current.isEmpty()) {
      return new RunningTasks(byTask);
    }
    for (X86Cpu cpu : cpus) {
      try {
        int number = number(objects, perCpu, cpu);
        long base = perCpu.address(0, number);
        long task = objects.memory().word(current.getAsLong() + base);
        if (task != 0) {
          byTask.putIfAbsent(task, new Running(cpu, number, base));
        }
      } catch (UnmappedAddressException notUp) {
        continue; // a CPU that this kernel never started
      }
    }
    return new RunningTasks(byTask);
  }

  private static OptionalLong currentSymbol(KernelObjects objects) throws IOException {
    OptionalLong hot = objects.address("pcpu_hot");
    KernelObject members = objects.at("pcpu_hot", hot.orElse(0));
    return hot.isPresent() && members.has("current_task")
        ? OptionalLong.of(members.at("current_task"))
        : objects.address("current_task");
  }

  private static int number(KernelObjects objects, PerCpu perCpu, X86Cpu cpu) throws IOException {
    KernelMemory memory = objects.memory();
    OptionalLong segment = objects.address("cpu_tss_rw");
    OptionalLong mine = memory.translate(cpu.get("tr.base"));
    if (segment.isPresent() && mine.isPresent()) {
      for (int number : perCpu.cpus()) {
        OptionalLong its = memory.translate(perCpu.address(segment.getAsLong(), number));
        if (its.equals(mine)) {
          return number;
        }
      }
    }
    for (int number : perCpu.cpus()) {
      long base = perCpu.address(0, number);
      if (base < 0 && (base == cpu.get("gs.base") || base == cpu.get("kernel_gs_base"))) {
        return number;
      }
    }
    return cpu.index();
  }

  /** The CPU that runs the {@code task_struct} at that address; empty when none does. */
  public Optional<Running> of(long task) {
    return Optional.ofNullable(byTask.get(task));
  }
}
