package dev.vmstate.machine;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a machine is at a moment.
 *
 * @param state what it is doing
 * @param stop why it stopped last
 * @param memory bytes of RAM
 * @param irqchip whether KVM's interrupt controllers are there
 * @param exits how many exits all vCPUs have made since the machine was made or restored
 * @param vcpus one for each
 */
public record MachineInfo(
    MachineControl.State state,
    StopReason stop,
    long memory,
    boolean irqchip,
    long exits,
    List<Vcpu> vcpus) {
  /**
   * A vCPU.
   *
   * @param index its number
   * @param mode {@code real16}, {@code protected32}, {@code long64}; empty while it runs
   * @param halted whether it stands behind a HLT and waits
   * @param registers {@code rax} to {@code r15}, {@code rip}, {@code rflags}, {@code cr0}, {@code
   *     cr2}, {@code cr3}, {@code cr4}, {@code efer}, in that order; none while it runs
   */
  public record Vcpu(int index, String mode, boolean halted, Map<String, Long> registers) {
    /** Keeps a copy. */
    public Vcpu {
      registers = Collections.unmodifiableMap(new LinkedHashMap<>(registers));
    }
  }

  /** Keeps a copy. */
  public MachineInfo {
    vcpus = List.copyOf(vcpus);
  }
}
