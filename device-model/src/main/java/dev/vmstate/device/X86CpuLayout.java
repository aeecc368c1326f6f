package dev.vmstate.device;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.VmDescription.Entry;
import dev.vmstate.device.VmDescription.Struct;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The {@code cpu} section of x86 targets, version 12, for streams that do not describe it: {@code
 * target/i386/machine.c}, vmstate_x86_cpu. The fields are the same, in the same order, in QEMU 5.2,
 * 7.2, 10.0 and 11.1. Subsections come in QEMU's order, each only when it is needed; one that is
 * not known here, and what follows it, is kept as bytes.
 *
 * <p>{@code long} is 64 bits wide in a 64-bit target and 32 in a 32-bit one ({@code
 * qemu-system-i386}), which also has 8 registers where the other has 16, and no MSRs of long mode.
 */
final class X86CpuLayout {
  private static final int VERSION = 12;
  private static final String PREFIX = "cpu/";

  /** name type [* count]; {@code R} is the number of registers, {@code 64:} a 64-bit target's. */
  private static final String FIELDS =
      """
      env.regs long*R
      env.eip long
      env.eflags long
      env.hflags uint32
      env.fpuc uint16
      env.fpus_vmstate uint16
      env.fptag_vmstate uint16
      env.fpregs_format_vmstate uint16
      env.fpregs fpreg*8
      env.segs segment*6
      env.ldt segment
      env.tr segment
      env.gdt segment
      env.idt segment
      env.sysenter_cs uint32
      env.sysenter_esp long
      env.sysenter_eip long
      env.cr[0] long
      env.cr[2] long
      env.cr[3] long
      env.cr[4] long
      env.dr long*8
      env.a20_mask int32
      env.mxcsr uint32
      env.xmm_regs[0] xmm_reg*R
      64:env.efer uint64
      64:env.star uint64
      64:env.lstar uint64
      64:env.cstar uint64
      64:env.fmask uint64
      64:env.kernelgsbase uint64
      env.smbase uint32
      env.pat uint64
      env.hflags2 uint32
      env.vm_hsave uint64
      env.vm_vmcb uint64
      env.tsc_offset uint64
      env.intercept uint64
      env.intercept_cr_read uint16
      env.intercept_cr_write uint16
      env.intercept_dr_read uint16
      env.intercept_dr_write uint16
      env.intercept_exceptions uint32
      env.v_tpr uint8
      env.mtrr_fixed uint64*11
      env.mtrr_deftype uint64
      env.mtrr_var mtrr_var*8
      env.interrupt_injected int32
      env.mp_state uint32
      env.tsc uint64
      env.exception_nr int32
      env.soft_interrupt uint8
      env.nmi_injected uint8
      env.nmi_pending uint8
      env.has_error_code uint8
      env.sipi_vector uint32
      env.mcg_cap uint64
      env.mcg_status uint64
      env.mcg_ctl uint64
      env.mce_banks uint64*40
      env.tsc_aux uint64
      env.system_time_msr uint64
      env.wall_clock_msr uint64
      env.xcr0 uint64
      env.xstate_bv uint64
      env.xmm_regs[1] ymmh_reg*R
      """;

  private static final Map<String, String> STRUCTS =
      Map.of(
          "fpreg", "mant uint64, exp uint16",
          "segment", "selector uint32, base long, limit uint32, flags uint32",
          "xmm_reg", "_q_ZMMReg[0] uint64, _q_ZMMReg[1] uint64",
          "ymmh_reg", "_q_ZMMReg[2] uint64, _q_ZMMReg[3] uint64",
          "mtrr_var", "base uint64, mask uint64",
          "zmmh_reg",
              "_q_ZMMReg[4] uint64, _q_ZMMReg[5] uint64, _q_ZMMReg[6] uint64, _q_ZMMReg[7] uint64",
          "hi16_zmm_reg",
              "_q_ZMMReg[0] uint64, _q_ZMMReg[1] uint64, _q_ZMMReg[2] uint64, _q_ZMMReg[3] uint64,"
                  + " _q_ZMMReg[4] uint64, _q_ZMMReg[5] uint64, _q_ZMMReg[6] uint64,"
                  + " _q_ZMMReg[7] uint64",
          "bnd_regs", "lb uint64, ub uint64",
          "lbr_records_var", "from uint64, to uint64, info uint64");

  /** {@code hw/intc/apic_common.c}, vmstate_apic_common, version 3; the same since QEMU 0.14. */
  private static final String APIC =
      """
      apicbase uint32
      id uint8
      arb_id uint8
      tpr uint8
      spurious_vec uint32
      log_dest uint8
      dest_mode uint8
      isr uint32*8
      tmr uint32*8
      irr uint32*8
      lvt uint32*6
      esr uint32
      icr uint32*2
      divide_conf uint32
      count_shift int32
      initial_count uint32
      initial_count_load_time int64
      next_time int64
      timer_expiry int64
      """;

  /** {@code hw/core/cpu-system.c}, vmstate_cpu_common, version 1. */
  private static final String COMMON =
      """
      halted uint32
      interrupt_request uint32
      """;

  /** All of version 1. Not here: those with the state of a nested guest, and Xen's. */
  private static final Map<String, String> SUBSECTIONS = new HashMap<>();

  static {
    SUBSECTIONS.put(
        "cpu/exception_info",
        "env.exception_pending uint8, env.exception_injected uint8,"
            + " env.exception_has_payload uint8, env.exception_payload uint64");
    SUBSECTIONS.put("cpu/async_pf_msr", "env.async_pf_en_msr uint64");
    SUBSECTIONS.put("cpu/async_pf_int_msr", "env.async_pf_int_msr uint64");
    SUBSECTIONS.put("cpu/async_pv_eoi_msr", "env.pv_eoi_en_msr uint64");
    SUBSECTIONS.put("cpu/steal_time_msr", "env.steal_time_msr uint64");
    SUBSECTIONS.put("cpu/poll_control_msr", "env.poll_control_msr uint64");
    SUBSECTIONS.put("cpu/fpop_ip_dp", "env.fpop uint16, env.fpip uint64, env.fpdp uint64");
    SUBSECTIONS.put("cpu/msr_tsc_adjust", "env.tsc_adjust uint64");
    SUBSECTIONS.put("cpu/msr_tscdeadline", "env.tsc_deadline uint64");
    SUBSECTIONS.put("cpu/msr_ia32_misc_enable", "env.msr_ia32_misc_enable uint64");
    SUBSECTIONS.put("cpu/msr_ia32_feature_control", "env.msr_ia32_feature_control uint64");
    SUBSECTIONS.put("cpu/xss", "env.xss uint64");
    SUBSECTIONS.put("cpu/umwait", "env.umwait uint32");
    SUBSECTIONS.put("cpu/tsc_khz", "env.tsc_khz int64");
    SUBSECTIONS.put("cpu/msr_smi_count", "env.msr_smi_count uint64");
    SUBSECTIONS.put("cpu/pkru", "env.pkru uint32");
    SUBSECTIONS.put("cpu/pkrs", "env.pkrs uint32");
    SUBSECTIONS.put("cpu/spec_ctrl", "env.spec_ctrl uint64");
    SUBSECTIONS.put("cpu/amd_tsc_scale_msr", "env.amd_tsc_scale_msr uint64");
    SUBSECTIONS.put("cpu/mcg_ext_ctl", "env.mcg_ext_ctl uint64");
    SUBSECTIONS.put("cpu/virt_ssbd", "env.virt_ssbd uint64");
    SUBSECTIONS.put("cpu/svn_npt", "env.nested_cr3 uint64, env.nested_pg_mode uint32");
    SUBSECTIONS.put("cpu/svm_guest", "env.int_ctl uint32");
    SUBSECTIONS.put("cpu/efer32", "env.efer uint64");
    SUBSECTIONS.put("cpu/msr_tsx_ctrl", "env.tsx_ctrl uint32");
    SUBSECTIONS.put("cpu/intel_sgx", "env.msr_ia32_sgxlepubkeyhash uint64*4");
    SUBSECTIONS.put("cpu/pdptrs", "env.pdptrs uint64*4");
    SUBSECTIONS.put("cpu/msr_xfd", "env.msr_xfd uint64, env.msr_xfd_err uint64");
    SUBSECTIONS.put("cpu/msr_hwcr", "env.msr_hwcr uint64");
    SUBSECTIONS.put("cpu/triple_fault", "env.triple_fault_pending uint8");
    SUBSECTIONS.put(
        "cpu/msr_architectural_pmu",
        "env.msr_fixed_ctr_ctrl uint64, env.msr_global_ctrl uint64, env.msr_global_status uint64,"
            + " env.msr_global_ovf_ctrl uint64, env.msr_fixed_counters uint64*3,"
            + " env.msr_gp_counters uint64*18, env.msr_gp_evtsel uint64*18");
    SUBSECTIONS.put(
        "cpu/mpx",
        "env.bnd_regs bnd_regs*4, env.bndcs_regs.cfgu uint64, env.bndcs_regs.sts uint64,"
            + " env.msr_bndcfgs uint64");
    SUBSECTIONS.put(
        "cpu/msr_hyperv_hypercall", "env.msr_hv_guest_os_id uint64, env.msr_hv_hypercall uint64");
    SUBSECTIONS.put("cpu/msr_hyperv_vapic", "env.msr_hv_vapic uint64");
    SUBSECTIONS.put("cpu/msr_hyperv_time", "env.msr_hv_tsc uint64");
    SUBSECTIONS.put("cpu/msr_hyperv_crash", "env.msr_hv_crash_params uint64*5");
    SUBSECTIONS.put("cpu/msr_hyperv_runtime", "env.msr_hv_runtime uint64");
    SUBSECTIONS.put(
        "cpu/msr_hyperv_synic",
        "env.msr_hv_synic_control uint64, env.msr_hv_synic_evt_page uint64,"
            + " env.msr_hv_synic_msg_page uint64, env.msr_hv_synic_sint uint64*16");
    SUBSECTIONS.put(
        "cpu/msr_hyperv_stimer",
        "env.msr_hv_stimer_config uint64*4, env.msr_hv_stimer_count uint64*4");
    SUBSECTIONS.put(
        "cpu/msr_hyperv_reenlightenment",
        "env.msr_hv_reenlightenment_control uint64, env.msr_hv_tsc_emulation_control uint64,"
            + " env.msr_hv_tsc_emulation_status uint64");
    SUBSECTIONS.put(
        "cpu/avx512",
        "env.opmask_regs uint64*8, env.xmm_regs[0] zmmh_reg*R,"
            + " 64:env.xmm_regs[1] hi16_zmm_reg*16");
    SUBSECTIONS.put(
        "cpu/intel_pt",
        "env.msr_rtit_ctrl uint64, env.msr_rtit_status uint64, env.msr_rtit_output_base uint64,"
            + " env.msr_rtit_output_mask uint64, env.msr_rtit_cr3_match uint64,"
            + " env.msr_rtit_addrs uint64*8");
    SUBSECTIONS.put("cpu/intel_amx_xtile", "env.xtilecfg uint8*64, env.xtiledata uint8*8192");
    SUBSECTIONS.put(
        "cpu/arch_lbr",
        "env.msr_lbr_ctl uint64, env.msr_lbr_depth uint64, env.lbr_records lbr_records_var*32");
    SUBSECTIONS.put(
        "cpu/fred",
        "env.fred_rsp0 uint64, env.fred_rsp1 uint64, env.fred_rsp2 uint64, env.fred_rsp3 uint64,"
            + " env.fred_stklvls uint64, env.fred_ssp1 uint64, env.fred_ssp2 uint64,"
            + " env.fred_ssp3 uint64, env.fred_config uint64");
    SUBSECTIONS.put("cpu/pl0_ssp", "env.pl0_ssp uint64");
    SUBSECTIONS.put(
        "cpu/cet_shstk",
        "env.pl1_ssp uint64, env.pl2_ssp uint64, env.pl3_ssp uint64, env.int_ssp_table uint64,"
            + " env.guest_ssp uint64");
    SUBSECTIONS.put("cpu/cet", "env.u_cet uint64, env.s_cet uint64");
    SUBSECTIONS.put("apic_sipi", "sipi_vector int32, wait_for_sipi int32");
    SUBSECTIONS.put("cpu_common/exception_index", "exception_index int32");
    SUBSECTIONS.put("cpu_common/crash_occurred", "crash_occurred bool");
  }

  private final boolean wide;

  private X86CpuLayout(boolean wide) {
    this.wide = wide;
  }

  /** The layout of a payload, or empty when it is not version 12's. */
  static Optional<Struct> of(ByteSource source, Span payload, long version) throws IOException {
    if (version != VERSION) {
      return Optional.empty();
    }
    for (boolean wide : new boolean[] {true, false}) {
      Optional<Struct> layout =
          new X86CpuLayout(wide).layout("cpu", VERSION, PREFIX, FIELDS, source, payload);
      if (layout.isPresent()) {
        return layout;
      }
    }
    return Optional.empty();
  }

  /** The layout of section {@code apic}, or empty when it is not version 3's. */
  static Optional<Struct> apic(ByteSource source, Span payload, long version) throws IOException {
    return version == 3
        ? new X86CpuLayout(true).layout("apic", version, "apic_", APIC, source, payload)
        : Optional.empty();
  }

  /** The layout of section {@code cpu_common}, or empty when it is not version 1's. */
  static Optional<Struct> common(ByteSource source, Span payload, long version) throws IOException {
    return version == 1
        ? new X86CpuLayout(true)
            .layout("cpu_common", version, "cpu_common/", COMMON, source, payload)
        : Optional.empty();
  }

  private Optional<Struct> layout(
      String name, long version, String prefix, String table, ByteSource source, Span payload)
      throws IOException {
    List<Entry> fields = entries(table.strip().split("\n"));
    long size = fields.stream().mapToLong(Entry::wireSize).sum();
    if (size > payload.length()) {
      return Optional.empty();
    }
    Cursor in = new Cursor(source, source.name(), payload.at(size, payload.length() - size));
    List<Struct> subsections = new ArrayList<>();
    try {
      while (in.remaining() > 0) {
        subsections.add(subsection(in, prefix, source));
      }
    } catch (FormatException e) {
      return Optional.empty();
    }
    return Optional.of(new Struct(name, version, fields, subsections, false));
  }

  /** A subsection by its name; those known here are alike in 32 and 64 bits. */
  static Optional<Struct> subsection(String name, long version) {
    String known = version == 1 ? SUBSECTIONS.get(name) : null;
    return Optional.ofNullable(known)
        .map(text -> new X86CpuLayout(true).entries(text.split(", ")))
        .map(fields -> new Struct(name, version, fields, List.of(), false));
  }

  /** Reads a subsection's front and passes over the rest; throws where none stands. */
  private Struct subsection(Cursor in, String prefix, ByteSource source) throws IOException {
    int mark = in.u8("subsection mark");
    String name = in.countedString("subsection name");
    if (mark != SectionDecoder.QEMU_VM_SUBSECTION || !name.startsWith(prefix)) {
      throw in.bad("no subsection of a CPU");
    }
    long version = in.u32("subsection version");
    String known = version == 1 ? SUBSECTIONS.get(name) : null;
    List<Entry> fields = known == null ? List.of() : entries(known.split(", "));
    long size = fields.stream().mapToLong(Entry::wireSize).sum();
    if (known == null || !endsAt(in, size, source)) {
      fields = List.of(BuiltInLayout.bytes("data", in.remaining()));
      size = in.remaining();
    }
    in.skip(size, name);
    return new Struct(name, version, fields, List.of(), false);
  }

  /** Whether the payload, or another subsection, is where a subsection of that size would end. */
  private static boolean endsAt(Cursor in, long size, ByteSource source) throws IOException {
    return size == in.remaining()
        || size < in.remaining()
            && source.bytes(new Span(in.position() + size, 1))[0]
                == SectionDecoder.QEMU_VM_SUBSECTION;
  }

  private List<Entry> entries(String... lines) {
    List<Entry> entries = new ArrayList<>();
    for (String line : lines) {
      boolean wideOnly = line.startsWith("64:");
      if (wide || !wideOnly) {
        entries.add(entry(wideOnly ? line.substring(3) : line));
      }
    }
    return entries;
  }

  private Entry entry(String line) {
    int space = line.indexOf(' ');
    int times = line.indexOf('*');
    String name = line.substring(0, space);
    String type = line.substring(space + 1, times < 0 ? line.length() : times);
    long count = times < 0 ? 1 : count(line.substring(times + 1));
    if (type.equals("long")) {
      type = wide ? "uint64" : "uint32";
    }
    String struct = STRUCTS.get(type);
    if (struct == null) {
      int width = ScalarType.of(type).orElseThrow().width();
      return new Entry(name, type, width, count, times >= 0, null);
    }
    Struct nested = new Struct(type, 1, entries(struct.split(", ")), List.of(), false);
    return new Entry(name, "struct", nested.wireSize(), count, times >= 0, nested);
  }

  private long count(String text) {
    return text.equals("R") ? wide ? 16 : 8 : Long.parseLong(text);
  }
}
