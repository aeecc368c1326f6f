package dev.vmstate.convert.kvm;

import dev.vmstate.cpu.MsrTable;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.RegisterGroup;
import dev.vmstate.cpu.X86Cpu;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Model specific registers: whatever the stream has of those whose numbers are known.
 *
 * <p>Those that every stream has are always told. Of the others a zero is the value a CPU starts
 * with, and naming a register that the destination does not have would only make it refuse.
 */
final class MsrRows {
  static final long TSC = 0x10;

  /** Where the guest wants KVM's clock; bit 0: at all. */
  static final long SYSTEM_TIME = 0x4b56_4d01L;

  private static final long APIC_BASE = 0x1b;
  private static final long SMI_COUNT = 0x34;
  private static final long SMBASE = 0x9e;
  private static final long MCG_CAP = 0x179;
  private static final long MCG_CTL = 0x17b;
  private static final long MC0_CTL = 0x400;
  private static final long MC_END = 0x480;
  private static final long MISC_ENABLE = 0x1a0;
  private static final long POLL_CONTROL = 0x4b56_4d05L;
  private static final long EFER = 0xc000_0080L;
  private static final long FS_BASE = 0xc000_0100L;
  private static final long GS_BASE = 0xc000_0101L;

  /** {@code sregs2} has them, or they cannot be written. */
  private static final Set<Long> ELSEWHERE =
      Set.of(APIC_BASE, SMI_COUNT, SMBASE, MCG_CAP, EFER, FS_BASE, GS_BASE);

  /**
   * What KVM tells of the host rather than of the guest (microcode, platform, capabilities, and how
   * many machine checks there are), and the old numbers of its two clocks, which it tells twice.
   */
  private static final Set<Long> OF_HOST =
      Set.of(0x8bL, 0xceL, 0x10aL, 0x345L, MCG_CTL, 0x11L, 0x12L);

  private static final Set<Long> ALWAYS =
      Set.of(
          TSC,
          0x174L,
          0x175L,
          0x176L,
          0x277L,
          0x2ffL,
          0xc000_0081L,
          0xc000_0082L,
          0xc000_0083L,
          0xc000_0084L,
          0xc000_0102L,
          0xc000_0103L);

  private static final long MTRR_VARIABLE = 0x200;
  private static final long MTRR_END = 0x270;

  private MsrRows() {}

  /**
   * Number and value of each.
   *
   * @param tsc what TCG counts outside of the CPU; empty for KVM's streams
   */
  static SortedMap<Long, Long> toKvm(X86Cpu cpu, Optional<Long> tsc) {
    SortedMap<Long, Long> values = new TreeMap<>();
    for (Register register : cpu.views(RegisterGroup.MSR)) {
      long number = MsrTable.number(register.name());
      boolean always = ALWAYS.contains(number) || isMtrr(number);
      boolean initial = register.value() == initial(number);
      if (!ELSEWHERE.contains(number) && (always || !initial)) {
        values.put(number, register.value());
      }
    }
    tsc.ifPresent(value -> values.put(TSC, value));
    return values;
  }

  /** What a CPU starts with: all machine checks are told, fast strings and halt polling are on. */
  private static long initial(long number) {
    if (number == MCG_CTL || number >= MC0_CTL && number < MC_END && number % 4 == 0) {
      return -1;
    }
    return number == MISC_ENABLE || number == POLL_CONTROL ? 1 : 0;
  }

  private static boolean isMtrr(long number) {
    return number >= MTRR_VARIABLE && number < MTRR_END;
  }

  /**
   * Puts what differs into the stream, but the TSC. Of a register that KVM does not tell nothing is
   * known: it keeps its value.
   */
  static void toStream(Map<Long, Long> was, Map<Long, Long> now, StreamNumbers stream)
      throws IOException {
    for (Map.Entry<Long, Long> msr : now.entrySet()) {
      long number = msr.getKey();
      boolean same = msr.getValue().equals(was.getOrDefault(number, initial(number)));
      if (same || number == TSC || ELSEWHERE.contains(number) || OF_HOST.contains(number)) {
        continue;
      }
      String name = "msr[0x%x]".formatted(number);
      if (stream.has(name)) {
        stream.put(name, msr.getValue());
      } else {
        stream.miss(name);
      }
    }
  }
}
