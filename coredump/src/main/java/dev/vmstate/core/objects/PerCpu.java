package dev.vmstate.core.objects;

import dev.vmstate.core.kernel.KernelMemory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * Per-CPU variables: the symbol's value plus {@code __per_cpu_offset[cpu]}. Until 6.14 the symbols
 * of x86-64 count from 0, later they are addresses in the image; the sum is right for both. A
 * kernel for one processor has no offsets: the variable is at its symbol.
 */
public final class PerCpu {
  /** NR_CPUS of x86's CONFIG_MAXSMP. */
  private static final int MOST_CPUS = 8192;

  private final KernelMemory memory;
  private final OptionalLong offsets;
  private final List<Integer> cpus;

  private PerCpu(KernelMemory memory, OptionalLong offsets, List<Integer> cpus) {
    this.memory = memory;
    this.offsets = offsets;
    this.cpus = List.copyOf(cpus);
  }

  /** Of that kernel; looks up which CPUs are possible. */
  public static PerCpu of(KernelObjects objects) throws IOException {
    KernelMemory memory = objects.memory();
    OptionalLong offsets = objects.address("__per_cpu_offset");
    OptionalLong mask = objects.address("__cpu_possible_mask");
    List<Integer> cpus = new ArrayList<>();
    if (offsets.isEmpty() || mask.isEmpty()) {
      cpus.add(0);
    } else {
      OptionalLong ids = objects.address("nr_cpu_ids");
      long most = ids.isPresent() ? memory.u32(ids.getAsLong()) : MOST_CPUS;
      long bits = 8 * objects.types().size("cpumask").orElse(MOST_CPUS / 8);
      for (int cpu = 0; cpu < Math.min(Math.min(most, bits), MOST_CPUS); cpu++) {
        if ((memory.u8(mask.getAsLong() + cpu / 8) >> cpu % 8 & 1) != 0) {
          cpus.add(cpu);
        }
      }
    }
    return new PerCpu(memory, offsets, cpus);
  }

  /** The numbers of all CPUs that have such variables, in order: {@code cpu_possible_mask}. */
  public List<Integer> cpus() {
    return cpus;
  }

  /**
   * The address of a CPU's own variable.
   *
   * @param symbol value of the variable's symbol, or a {@code __percpu} pointer
   */
  public long address(long symbol, int cpu) throws IOException {
    return offsets.isEmpty()
        ? symbol
        : symbol + memory.word(offsets.getAsLong() + (long) cpu * memory.wordBytes());
  }
}
