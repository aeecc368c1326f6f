package dev.vmstate.kvm;

import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateStruct;

/** Structures that only carry an argument to an ioctl, and are no state. */
final class KvmArguments {
  /** {@code struct kvm_userspace_memory_region}. */
  static final StateStruct MEMORY_REGION =
      StateStruct.of("userspace_memory_region", 32)
          .u32("slot", "flags")
          .u64("guest_phys_addr", "memory_size", "userspace_addr")
          .build();

  /** {@code struct kvm_irq_level}. */
  static final StateStruct IRQ_LEVEL = StateStruct.of("irq_level", 8).u32("irq", "level").build();

  /** {@code struct kvm_pit_config}. */
  static final StateStruct PIT_CONFIG = StateStruct.of("pit_config", 64).u32("flags").build();

  /** {@code struct kvm_reinject_control}. */
  static final StateStruct REINJECT =
      StateStruct.of("reinject_control", 32).u8("pit_reinject").build();

  /** {@code struct kvm_interrupt}. */
  static final StateStruct INTERRUPT = StateStruct.of("interrupt", 4).u32("irq").build();

  /** {@code struct kvm_irqchip}: which one, and {@link #IRQCHIP_STATE} on its state. */
  static final StateStruct IRQCHIP = StateStruct.of("irqchip", 520).u32("chip_id").build();

  static final int IRQCHIP_STATE = 8;

  /** {@code struct kvm_enable_cap}. */
  static final StateStruct ENABLE_CAP =
      StateStruct.of("enable_cap", 104).u32("cap", "flags").array("args", 8, 4, 8).build();

  /** {@code struct kvm_guest_debug}. */
  static final StateStruct GUEST_DEBUG =
      StateStruct.of("guest_debug", 72)
          .u32("control")
          .at(8)
          .array("arch.debugreg", 8, 8, 8)
          .build();

  /** {@code struct kvm_translation}. */
  static final StateStruct TRANSLATION =
      StateStruct.of("translation", 24)
          .u64("linear_address", "physical_address")
          .u8("valid", "writeable", "usermode")
          .build();

  /** {@code struct kvm_irq_routing_entry} of an interrupt chip's pin. */
  static final StateStruct ROUTE =
      StateStruct.of("irq_routing_entry", 48)
          .u32("gsi", "type", "flags")
          .at(16)
          .u32("u.irqchip.irqchip", "u.irqchip.pin")
          .build();

  /**
   * {@code struct kvm_irq_routing} and {@code kvm_msrs}, {@code kvm_cpuid2}: a count, then these.
   */
  static final int LIST_HEADER = 8;

  /** {@code struct kvm_xcrs}: count, flags, then these. */
  static final int XCRS_HEADER = 8;

  static final int XCRS_SIZE = 392;
  static final int MOST_XCRS = 16;

  /** {@code KVM_MAX_CPUID_ENTRIES}: a vCPU keeps no more. */
  static final int MOST_CPUID = 256;

  /** {@code struct kvm_xsave} without what KVM_CAP_XSAVE2 adds. */
  static final StateStruct XSAVE = KvmStructs.xsave(4096);

  private KvmArguments() {}
}
