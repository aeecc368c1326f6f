package dev.vmstate.kvm;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Which model-specific registers belong to a guest's state, and the few whose order matters. */
final class MsrIndices {
  /** {@code MSR_IA32_TSC}. */
  static final int TSC = 0x10;

  /** {@code MSR_IA32_TSC_DEADLINE}: a time in TSC ticks at which the APIC's timer goes off. */
  static final int TSC_DEADLINE = 0x6e0;

  private static final int MISC_ENABLE = 0x1a0;
  private static final int MCG_STATUS = 0x17a;
  private static final int MCG_CTL = 0x17b;
  private static final int MTRR_PHYS = 0x200;
  private static final int MTRR_PHYS_END = 0x210;
  private static final int PAT = 0x277;
  private static final int MTRR_DEF_TYPE = 0x2ff;
  private static final int KERNEL_GS_BASE = 0xc0000102;
  private static final int TSC_AUX = 0xc0000103;
  private static final int[] MTRR_FIXED = {
    0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f
  };

  private MsrIndices() {}

  /**
   * The host's own list, and what it can give beside it: the list leaves out memory types (MTRR).
   * FS and GS base, EFER and APIC base are not here: {@code sregs} has them.
   */
  static List<Integer> of(Kvm kvm) throws KvmException {
    Set<Integer> all = new LinkedHashSet<>();
    // Whatever counts in TSC ticks comes behind the TSC.
    all.add(TSC);
    all.addAll(kvm.msrIndexList());
    all.addAll(List.of(MISC_ENABLE, MCG_STATUS, MCG_CTL, PAT, KERNEL_GS_BASE, TSC_AUX));
    for (int index = MTRR_PHYS; index < MTRR_PHYS_END; index++) {
      all.add(index);
    }
    for (int index : MTRR_FIXED) {
      all.add(index);
    }
    all.add(MTRR_DEF_TYPE);
    all.remove(TSC_DEADLINE);
    List<Integer> ordered = new ArrayList<>(all);
    ordered.add(TSC_DEADLINE);
    return ordered;
  }

  /** Whether it is a mask of physical addresses, which are as wide as the guest's CPU says. */
  static boolean isMtrrMask(int index) {
    return index > MTRR_PHYS && index < MTRR_PHYS_END && index % 2 == 1;
  }
}
