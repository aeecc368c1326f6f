package dev.vmstate.machine;

/**
 * Told every exit, by the vCPU's thread and in its order; of several vCPUs, by one at a time. Takes
 * numbers and keeps nothing, so that being told costs nothing.
 */
@FunctionalInterface
public interface ExitTrace {
  /** What kinds of exits there are. */
  enum Kind {
    /** IN or OUT; of a repeated one, once for each element. */
    IO,
    /** A load or a store where there is no memory, or a part of one. */
    MMIO,
    /** HLT: address, size and value are 0. */
    HLT,
    /** Any other: the address is KVM's number of the reason, size and value are 0. */
    OTHER
  }

  /**
   * One exit. An input is told when its value is known.
   *
   * @param vcpu whose
   * @param kind what it is
   * @param address port, or guest-physical address
   * @param size 1 to 8 bytes
   * @param write whether the guest wrote
   * @param value what was written or read, little-endian, zero-extended
   */
  void exit(int vcpu, Kind kind, long address, int size, boolean write, long value);
}
