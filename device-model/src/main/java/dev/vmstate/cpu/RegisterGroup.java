package dev.vmstate.cpu;

/** What a register belongs to. */
public enum RegisterGroup {
  /** General, segment, control and debug registers, and the MSRs people name without a number. */
  GENERAL("general"),
  /** What QEMU keeps beside the registers: hidden flags, SMM, pending events. */
  EVENT("event"),
  /** x87 and MMX. */
  FPU("fpu"),
  /** {@code xmm0} and up. */
  SSE("sse"),
  /** {@code ymm}, {@code zmm}, {@code k}, MPX bounds, protection keys. */
  AVX("avx"),
  /** Model specific registers by their architectural names. */
  MSR("msr"),
  /** The local APIC. */
  APIC("apic");

  private final String text;

  RegisterGroup(String text) {
    this.text = text;
  }

  @Override
  public String toString() {
    return text;
  }
}
