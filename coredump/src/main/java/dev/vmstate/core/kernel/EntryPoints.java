package dev.vmstate.core.kernel;

import dev.vmstate.core.paging.PageTables;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where a CPU enters its kernel: what the kernel told the CPU, and not what memory looks like.
 *
 * @param points virtual addresses by what says so
 */
record EntryPoints(Map<String, Long> points) {
  private static final String IDT = "the IDT";

  /** The page fault's gate: no kernel goes without. */
  private static final int PAGE_FAULT = 14;

  /** Those of {@code cpu}; the IDT is read by {@code memory}. */
  static EntryPoints of(X86Cpu cpu, KernelMemory memory) throws IOException {
    Map<String, Long> points = new LinkedHashMap<>();
    long idt = cpu.get("idt.base");
    try {
      if (memory.wordBytes() == 8) {
        long gate = idt + 16 * PAGE_FAULT;
        points.put(
            IDT,
            memory.u16(gate)
                | memory.u16(gate + 6) << 16 & 0xffff_0000L
                | memory.u32(gate + 8) << 32);
      } else {
        long gate = (idt & 0xffff_ffffL) + 8 * PAGE_FAULT;
        points.put(IDT, memory.u16(gate) | (long) memory.u16(gate + 6) << 16);
      }
    } catch (UnmappedAddressException hidden) {
      points.clear(); // no descriptor table of this kernel
    }
    if (memory.wordBytes() == 8) {
      add("LSTAR", cpu.get("lstar"), points);
    } else {
      add(
          "SYSENTER_EIP",
          cpu.find("msr.IA32_SYSENTER_EIP").map(Register::value).orElse(0L),
          points);
    }
    return new EntryPoints(points);
  }

  private static void add(String name, long value, Map<String, Long> points) {
    if (value != 0) {
      points.put(name, value);
    }
  }

  /** Who of them points into {@code image}. */
  List<String> inside(KernelImage image) {
    return points.entrySet().stream()
        .filter(
            point ->
                Long.compareUnsigned(point.getValue(), image.start()) >= 0
                    && Long.compareUnsigned(point.getValue(), image.end()) < 0)
        .map(Map.Entry::getKey)
        .toList();
  }

  /**
   * Whether {@code tables} map what a system call enters: then a system runs on the CPU. Firmware
   * has no system calls, and a kernel that hands over to another one has left its tables.
   */
  boolean call(PageTables tables) throws IOException {
    for (Map.Entry<String, Long> point : points.entrySet()) {
      if (!point.getKey().equals(IDT) && tables.translate(point.getValue()).isPresent()) {
        return true;
      }
    }
    return false;
  }

  @Override
  public String toString() {
    return String.join(
        ", ",
        points.entrySet().stream()
            .map(point -> "%s at 0x%x".formatted(point.getKey(), point.getValue()))
            .toList());
  }
}
