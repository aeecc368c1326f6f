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
          "mtrr_var", "base uint64, mask uint64");

  /** All of version 1. Those with the state of a nested guest are as long as that. */
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
      Optional<Struct> layout = new X86CpuLayout(wide).layout(source, payload);
      if (layout.isPresent()) {
        return layout;
      }
    }
    return Optional.empty();
  }

  private Optional<Struct> layout(ByteSource source, Span payload) throws IOException {
    List<Entry> fields = entries(FIELDS.strip().split("\n"));
    long size = fields.stream().mapToLong(Entry::wireSize).sum();
    if (size > payload.length()) {
      return Optional.empty();
    }
    Cursor in = new Cursor(source, source.name(), payload.at(size, payload.length() - size));
    List<Struct> subsections = new ArrayList<>();
    try {
      while (in.remaining() > 0) {
        subsections.add(subsection(in));
      }
    } catch (FormatException e) {
      return Optional.empty();
    }
    return Optional.of(new Struct("cpu", VERSION, fields, subsections, false));
  }

  /** A subsection by its name; those known here are alike in 32 and 64 bits. */
  static Optional<Struct> subsection(String name, long version) {
    String known = version == 1 ? SUBSECTIONS.get(name) : null;
    return Optional.ofNullable(known)
        .map(text -> new X86CpuLayout(true).entries(text.split(", ")))
        .map(fields -> new Struct(name, version, fields, List.of(), false));
  }

  /** Reads a subsection's front and passes over the rest; throws where none stands. */
  private Struct subsection(Cursor in) throws IOException {
    int mark = in.u8("subsection mark");
    String name = in.countedString("subsection name");
    if (mark != SectionDecoder.QEMU_VM_SUBSECTION || !name.startsWith(PREFIX)) {
      throw in.bad("no subsection of a CPU");
    }
    long version = in.u32("subsection version");
    String known = version == 1 ? SUBSECTIONS.get(name) : null;
    List<Entry> fields =
        known == null
            ? List.of(BuiltInLayout.bytes("data", in.remaining()))
            : entries(known.split(", "));
    in.skip(fields.stream().mapToLong(Entry::wireSize).sum(), name);
    return new Struct(name, version, fields, List.of(), false);
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
