package dev.vmstate.kvm;

import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateStruct;

/**
 * The ioctls, named as the kernel names them. A number says which way the argument goes and how
 * large it is ({@code asm-generic/ioctl.h}), so a structure of a wrong size is a wrong number.
 */
enum KvmIoctl {
  // of /dev/kvm
  KVM_GET_API_VERSION(io(0x00)),
  KVM_CREATE_VM(io(0x01)),
  KVM_GET_MSR_INDEX_LIST(both(0x02, 4)),
  KVM_CHECK_EXTENSION(io(0x03)),
  KVM_GET_VCPU_MMAP_SIZE(io(0x04)),
  KVM_GET_SUPPORTED_CPUID(both(0x05, 8)),
  // of a VM
  KVM_CREATE_VCPU(io(0x41)),
  KVM_SET_USER_MEMORY_REGION(in(0x46, KvmArguments.MEMORY_REGION)),
  KVM_SET_TSS_ADDR(io(0x47)),
  KVM_SET_IDENTITY_MAP_ADDR(in(0x48, 8)),
  KVM_CREATE_IRQCHIP(io(0x60)),
  KVM_IRQ_LINE(in(0x61, KvmArguments.IRQ_LEVEL)),
  KVM_GET_IRQCHIP(both(0x62, KvmArguments.IRQCHIP.size())),
  // Sets, and yet the kernel numbers it as one that gets.
  KVM_SET_IRQCHIP(out(0x63, KvmArguments.IRQCHIP)),
  KVM_SET_GSI_ROUTING(in(0x6a, 8)),
  KVM_REINJECT_CONTROL(io(0x71)),
  KVM_CREATE_PIT2(in(0x77, KvmArguments.PIT_CONFIG)),
  KVM_SET_CLOCK(in(0x7b, KvmStructs.CLOCK)),
  KVM_GET_CLOCK(out(0x7c, KvmStructs.CLOCK)),
  KVM_GET_PIT2(out(0x9f, KvmStructs.PIT)),
  KVM_SET_PIT2(in(0xa0, KvmStructs.PIT)),
  KVM_ENABLE_CAP(in(0xa3, KvmArguments.ENABLE_CAP)),
  // of a vCPU
  KVM_RUN(io(0x80)),
  KVM_GET_REGS(out(0x81, KvmStructs.REGS)),
  KVM_SET_REGS(in(0x82, KvmStructs.REGS)),
  KVM_GET_SREGS(out(0x83, KvmStructs.SREGS)),
  KVM_SET_SREGS(in(0x84, KvmStructs.SREGS)),
  KVM_TRANSLATE(both(0x85, KvmArguments.TRANSLATION.size())),
  KVM_INTERRUPT(in(0x86, KvmArguments.INTERRUPT)),
  KVM_GET_MSRS(both(0x88, 8)),
  KVM_SET_MSRS(in(0x89, 8)),
  KVM_GET_FPU(out(0x8c, KvmStructs.FPU)),
  KVM_SET_FPU(in(0x8d, KvmStructs.FPU)),
  KVM_GET_LAPIC(out(0x8e, KvmStructs.LAPIC)),
  KVM_SET_LAPIC(in(0x8f, KvmStructs.LAPIC)),
  KVM_SET_CPUID2(in(0x90, 8)),
  KVM_GET_CPUID2(both(0x91, 8)),
  KVM_GET_MP_STATE(out(0x98, KvmStructs.MP_STATE)),
  KVM_SET_MP_STATE(in(0x99, KvmStructs.MP_STATE)),
  KVM_NMI(io(0x9a)),
  KVM_SET_GUEST_DEBUG(in(0x9b, KvmArguments.GUEST_DEBUG)),
  KVM_GET_VCPU_EVENTS(out(0x9f, KvmStructs.EVENTS)),
  KVM_SET_VCPU_EVENTS(in(0xa0, KvmStructs.EVENTS)),
  KVM_GET_DEBUGREGS(out(0xa1, KvmStructs.DEBUGREGS)),
  KVM_SET_DEBUGREGS(in(0xa2, KvmStructs.DEBUGREGS)),
  KVM_SET_TSC_KHZ(io(0xa2)),
  KVM_GET_TSC_KHZ(io(0xa3)),
  KVM_GET_XSAVE(out(0xa4, KvmArguments.XSAVE)),
  KVM_SET_XSAVE(in(0xa5, KvmArguments.XSAVE)),
  KVM_GET_XCRS(out(0xa6, KvmArguments.XCRS_SIZE)),
  KVM_SET_XCRS(in(0xa7, KvmArguments.XCRS_SIZE)),
  KVM_KVMCLOCK_CTRL(io(0xad)),
  KVM_GET_SREGS2(out(0xcc, KvmStructs.SREGS2)),
  KVM_SET_SREGS2(in(0xcd, KvmStructs.SREGS2)),
  // Its number has the size of the old structure; how much it writes KVM_CAP_XSAVE2 says.
  KVM_GET_XSAVE2(out(0xcf, KvmArguments.XSAVE));

  private final long number;

  KvmIoctl(long number) {
    this.number = number;
  }

  private static long io(int nr) {
    return 0xaeL << 8 | nr;
  }

  private static long in(int nr, int size) {
    return 1L << 30 | (long) size << 16 | io(nr);
  }

  private static long in(int nr, StateStruct argument) {
    return in(nr, argument.size());
  }

  private static long out(int nr, int size) {
    return 2L << 30 | (long) size << 16 | io(nr);
  }

  private static long out(int nr, StateStruct argument) {
    return out(nr, argument.size());
  }

  private static long both(int nr, int size) {
    return 3L << 30 | (long) size << 16 | io(nr);
  }

  /** Its number. */
  long number() {
    return number;
  }
}
