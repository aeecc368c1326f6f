package dev.vmstate.kvm;

/** What a host may have or not have, numbered and named as the kernel does ({@code KVM_CAP_…}). */
public enum KvmCapability {
  /** An interrupt controller in the kernel. */
  IRQCHIP(0),
  /** RAM that is memory of this process. */
  USER_MEMORY(3),
  /** Where Intel's processors may put three pages they need. */
  SET_TSS_ADDR(4),
  /** CPUID can be set. */
  EXT_CPUID(7),
  /** How many vCPUs a machine should have at most. */
  NR_VCPUS(9),
  /** How many ranges of RAM it can have. */
  NR_MEMSLOTS(10),
  /** Whether a vCPU runs, halts or waits for its start can be seen and set. */
  MP_STATE(14),
  /** Breakpoints and single steps. */
  SET_GUEST_DEBUG(23),
  /** Whether the timer's missed ticks are made up for can be set. */
  REINJECT_CONTROL(24),
  /** Which pin an interrupt comes out at can be set. */
  IRQ_ROUTING(25),
  /** A timer in the kernel. */
  PIT2(33),
  /** Its state, with flags. */
  PIT_STATE2(35),
  /** Where the page tables of real mode lie can be set. */
  SET_IDENTITY_MAP_ADDR(37),
  /** The guest's clock can be read and set; the value says which of its flags. */
  ADJUST_CLOCK(39),
  /** Interrupts and exceptions on their way. */
  VCPU_EVENTS(41),
  /** Debug registers. */
  DEBUGREGS(50),
  /** The XSAVE area. */
  XSAVE(55),
  /** XCR0. */
  XCRS(56),
  /** The frequency of the TSC can be set. */
  TSC_CONTROL(60),
  /** The frequency of the TSC can be read. */
  GET_TSC_KHZ(61),
  /** How many vCPUs a machine can have. */
  MAX_VCPUS(66),
  /** The APIC timer's third mode. */
  TSC_DEADLINE_TIMER(72),
  /** RAM whose writes are exits. */
  READONLY_MEM(81),
  /** An APIC in the kernel, the rest elsewhere. */
  SPLIT_IRQCHIP(121),
  /** {@code kvm_run.immediate_exit}. */
  IMMEDIATE_EXIT(136),
  /** {@code kvm_sregs2}. */
  SREGS2(200),
  /** Bytes of an instruction that cannot be emulated are told. */
  EXIT_ON_EMULATION_FAILURE(204),
  /** The value is the size of an XSAVE area, 0 for 4096. */
  XSAVE2(208);

  private final int number;

  KvmCapability(int number) {
    this.number = number;
  }

  int number() {
    return number;
  }
}
