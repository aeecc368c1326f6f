package dev.vmstate.kvmstate;

/**
 * The structures of Linux's KVM interface that a snapshot keeps ({@code
 * arch/x86/include/uapi/asm/kvm.h}, {@code include/uapi/linux/kvm.h}), with the kernel's names.
 */
public final class KvmStructs {
  /** {@code struct kvm_regs}. */
  public static final StateStruct REGS =
      StateStruct.of("regs", 144)
          .u64("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp")
          .u64("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15")
          .u64("rip", "rflags")
          .build();

  /** {@code struct kvm_segment}. */
  public static final StateStruct SEGMENT =
      StateStruct.of("segment", 24)
          .u64("base")
          .u32("limit")
          .u16("selector")
          .u8("type", "present", "dpl", "db", "s", "l", "g", "avl", "unusable")
          .build();

  /** {@code struct kvm_dtable}. */
  public static final StateStruct DTABLE =
      StateStruct.of("dtable", 16).u64("base").u16("limit").build();

  /** {@code struct kvm_sregs2}. */
  public static final StateStruct SREGS2 =
      StateStruct.of("sregs2", 320)
          .struct(SEGMENT, "cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt")
          .struct(DTABLE, "gdt", "idt")
          .u64("cr0", "cr2", "cr3", "cr4", "cr8", "efer", "apic_base", "flags")
          .array("pdptrs", 8, 4, 8)
          .build();

  /** {@code struct kvm_sregs}: what hosts without KVM_CAP_SREGS2 have. */
  public static final StateStruct SREGS =
      StateStruct.of("sregs", 312)
          .struct(SEGMENT, "cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt")
          .struct(DTABLE, "gdt", "idt")
          .u64("cr0", "cr2", "cr3", "cr4", "cr8", "efer", "apic_base")
          .array("interrupt_bitmap", 8, 4, 8)
          .build();

  /** {@code struct kvm_fpu}: what hosts without KVM_CAP_XSAVE have. */
  public static final StateStruct FPU =
      StateStruct.of("fpu", 416)
          .data("fpr", 16, 8)
          .u16("fcw", "fsw")
          .u8("ftwx")
          .at(134)
          .u16("last_opcode")
          .u64("last_ip", "last_dp")
          .data("xmm", 16, 16)
          .u32("mxcsr")
          .build();

  /** {@code struct kvm_xcr}. */
  public static final StateStruct XCR =
      StateStruct.of("xcr", 16).u32("xcr").at(8).u64("value").build();

  /** {@code struct kvm_msr_entry}. */
  public static final StateStruct MSR =
      StateStruct.of("msr", 16).u32("index").at(8).u64("data").build();

  /** {@code struct kvm_cpuid_entry2}. */
  public static final StateStruct CPUID =
      StateStruct.of("cpuid", 40)
          .u32("function", "index", "flags", "eax", "ebx", "ecx", "edx")
          .build();

  /** {@code struct kvm_lapic_state}: the APIC's registers, 16 bytes from one to the next. */
  public static final StateStruct LAPIC =
      StateStruct.of("lapic", 1024)
          .at(0x20)
          .u32("id")
          .at(0x30)
          .u32("version")
          .at(0x80)
          .u32("tpr")
          .at(0x90)
          .u32("apr")
          .at(0xa0)
          .u32("ppr")
          .at(0xb0)
          .u32("eoi")
          .at(0xc0)
          .u32("rrd")
          .at(0xd0)
          .u32("ldr")
          .at(0xe0)
          .u32("dfr")
          .at(0xf0)
          .u32("svr")
          .at(0x100)
          .array("isr", 4, 8, 16)
          .array("tmr", 4, 8, 16)
          .array("irr", 4, 8, 16)
          .u32("esr")
          .at(0x2f0)
          .u32("lvt_cmci")
          .at(0x300)
          .u32("icr")
          .at(0x310)
          .u32("icr2")
          .at(0x320)
          .u32("lvt_timer")
          .at(0x330)
          .u32("lvt_thermal")
          .at(0x340)
          .u32("lvt_perf")
          .at(0x350)
          .u32("lvt_lint0")
          .at(0x360)
          .u32("lvt_lint1")
          .at(0x370)
          .u32("lvt_error")
          .at(0x380)
          .u32("initial_count")
          .at(0x390)
          .u32("current_count")
          .at(0x3e0)
          .u32("divide")
          .at(0x3f0)
          .u32("self_ipi")
          .build();

  /** {@code struct kvm_vcpu_events}. */
  public static final StateStruct EVENTS =
      StateStruct.of("events", 64)
          .struct(
              StateStruct.of("exception", 8)
                  .u8("injected", "nr", "has_error_code", "pending")
                  .u32("error_code")
                  .build(),
              "exception")
          .struct(
              StateStruct.of("interrupt", 4).u8("injected", "nr", "soft", "shadow").build(),
              "interrupt")
          .struct(StateStruct.of("nmi", 4).u8("injected", "pending", "masked").build(), "nmi")
          .u32("sipi_vector", "flags")
          .struct(
              StateStruct.of("smi", 4)
                  .u8("smm", "pending", "smm_inside_nmi", "latched_init")
                  .build(),
              "smi")
          .struct(StateStruct.of("triple_fault", 1).u8("pending").build(), "triple_fault")
          .at(55)
          .u8("exception_has_payload")
          .u64("exception_payload")
          .build();

  /** {@code struct kvm_debugregs}. */
  public static final StateStruct DEBUGREGS =
      StateStruct.of("debugregs", 128).array("db", 8, 4, 8).u64("dr6", "dr7", "flags").build();

  /** {@code struct kvm_mp_state}. */
  public static final StateStruct MP_STATE = StateStruct.of("mp_state", 4).u32("mp_state").build();

  /** {@code struct kvm_clock_data}. */
  public static final StateStruct CLOCK =
      StateStruct.of("clock", 48)
          .u64("clock")
          .u32("flags")
          .at(16)
          .u64("realtime", "host_tsc")
          .build();

  /** {@code struct kvm_pit_channel_state}. */
  public static final StateStruct PIT_CHANNEL =
      StateStruct.of("pit_channel", 24)
          .u32("count")
          .u16("latched_count")
          .u8("count_latched", "status_latched", "status", "read_state", "write_state")
          .u8("write_latch", "rw_mode", "mode", "bcd", "gate")
          .u64("count_load_time")
          .build();

  /** {@code struct kvm_pit_state2}. */
  public static final StateStruct PIT =
      StateStruct.of("pit", 112).structs("channels", PIT_CHANNEL, 3).u32("flags").build();

  /** {@code struct kvm_pic_state}. */
  public static final StateStruct PIC =
      StateStruct.of("pic", 16)
          .u8("last_irr", "irr", "imr", "isr", "priority_add", "irq_base", "read_reg_select")
          .u8("poll", "special_mask", "init_state", "auto_eoi", "rotate_on_auto_eoi")
          .u8("special_fully_nested_mode", "init4", "elcr", "elcr_mask")
          .build();

  /** {@code struct kvm_ioapic_state}. */
  public static final StateStruct IOAPIC =
      StateStruct.of("ioapic", 216)
          .u64("base_address")
          .u32("ioregsel", "id", "irr")
          .at(24)
          .array("redirtbl", 8, 24, 8)
          .build();

  private static final int XSAVE_HEADER_END = 576;

  private static final int XSAVE_USUAL = 4096;

  private static final StateStruct XSAVE = area(XSAVE_USUAL);

  private KvmStructs() {}

  /**
   * {@code struct kvm_xsave}: the area the XSAVE instruction writes in its standard format, of
   * {@code size} bytes (4096, or what KVM_CAP_XSAVE2 says).
   */
  public static StateStruct xsave(int size) {
    if (size < XSAVE_HEADER_END || size > 1 << 20) {
      throw new IllegalArgumentException("an XSAVE area of %d bytes".formatted(size));
    }
    return size == XSAVE_USUAL ? XSAVE : area(size);
  }

  /**
   * What is behind {@code xmm} is software's; Linux tells there which components it has enabled
   * ({@code asm/sigcontext.h}, {@code _fpx_sw_bytes}, by ptrace's rule without the magic number).
   */
  private static StateStruct area(int size) {
    return StateStruct.of("xsave", size)
        .u16("fcw", "fsw")
        .u8("ftw")
        .at(6)
        .u16("fop")
        .u64("fip", "fdp")
        .u32("mxcsr", "mxcsr_mask")
        .data("st", 16, 8)
        .data("xmm", 16, 16)
        .at(464)
        .u64("sw_xfeatures")
        .at(512)
        .u64("xstate_bv", "xcomp_bv")
        .at(XSAVE_HEADER_END)
        .data("extended", size - XSAVE_HEADER_END)
        .build();
  }
}
