package dev.vmstate.memory;

/**
 * How a machine type splits main memory when nobody asks it to do otherwise: {@code
 * hw/i386/pc_piix.c}, pc_init1; {@code pc_q35.c}, pc_q35_init; {@code microvm.c},
 * microvm_memory_init.
 */
final class MachineRule {
  private static final long GIB = 1L << 30;

  private MachineRule() {}

  static boolean microvm(String machine) {
    return machine.startsWith("microvm") || machine.startsWith("nitro");
  }

  /** Bytes below 4 GiB of {@code total} bytes of main memory. */
  static long below4g(String machine, long total) {
    if (microvm(machine)) {
      return Math.min(total, 3 * GIB);
    }
    if (machine.contains("q35")) {
      return total >= 0xb000_0000L ? 2 * GIB : total;
    }
    // Up to pc-i440fx-1.7 the split was at 3.5 GiB and not aligned to a gigabyte.
    boolean aligned = !machine.matches("pc-(i440fx-)?[01]\\..*") && !machine.equals("isapc");
    return total < 0xe000_0000L ? total : aligned ? 3 * GIB : 0xe000_0000L;
  }
}
