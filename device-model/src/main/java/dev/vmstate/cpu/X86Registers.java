package dev.vmstate.cpu;

import dev.vmstate.device.DeviceSection;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Names the registers in QEMU's {@code cpu} section of an x86 target ({@code
 * target/i386/machine.c}, vmstate_x86_cpu). Fields are found by name, so a version that adds or
 * moves some changes nothing.
 */
public final class X86Registers {
  /** QEMU's order in {@code env.regs}: rdx stands before rbx, rsp before rbp. */
  private static final List<String> REGS =
      List.of(
          "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
          "r13", "r14", "r15");

  /** QEMU's order in {@code env.segs}. */
  private static final List<String> SEGMENTS = List.of("es", "cs", "ss", "ds", "fs", "gs");

  private static final List<String> DESCRIPTOR = List.of("selector", "base", "limit", "flags");
  private static final List<String> TABLE = List.of("base", "limit");

  private static final List<String[]> SCALARS =
      List.of(
          new String[] {"cr0", "env.cr[0]"},
          new String[] {"cr2", "env.cr[2]"},
          new String[] {"cr3", "env.cr[3]"},
          new String[] {"cr4", "env.cr[4]"},
          new String[] {"efer", "env.efer"},
          new String[] {"star", "env.star"},
          new String[] {"lstar", "env.lstar"},
          new String[] {"cstar", "env.cstar"},
          new String[] {"fmask", "env.fmask"},
          new String[] {"kernel_gs_base", "env.kernelgsbase"},
          new String[] {"sysenter_cs", "env.sysenter_cs"},
          new String[] {"sysenter_esp", "env.sysenter_esp"},
          new String[] {"sysenter_eip", "env.sysenter_eip"},
          new String[] {"pat", "env.pat"},
          new String[] {"tsc", "env.tsc"},
          new String[] {"mxcsr", "env.mxcsr"},
          new String[] {"xcr0", "env.xcr0"});

  private final CpuFields fields;
  private final List<Register> registers = new ArrayList<>();

  private X86Registers(CpuFields fields) {
    this.fields = fields;
  }

  /** The registers of a {@code cpu} section alone, or empty when it is no decoded x86 CPU. */
  public static Optional<X86Cpu> of(DeviceSection section) throws IOException {
    return of(section, Optional.empty(), Optional.empty(), false, -1);
  }

  /**
   * The registers of a CPU.
   *
   * @param kvm whether KVM ran it: it gives the x87 registers in stack order
   * @param stopped QEMU_CLOCK_VIRTUAL in ns, or -1 when not known
   */
  static Optional<X86Cpu> of(
      DeviceSection section,
      Optional<DeviceSection> common,
      Optional<DeviceSection> apic,
      boolean kvm,
      long stopped)
      throws IOException {
    String prefix = "cpu[" + section.instance() + "]";
    CpuFields fields = new CpuFields(section, prefix);
    if (!section.name().equals("cpu")
        || fields.part("env.regs[0]", 0).isEmpty()
        || fields.part("env.eip", 0).isEmpty()
        || fields.count("env.regs") > REGS.size()) {
      return Optional.empty();
    }
    X86Registers view = new X86Registers(fields);
    view.all();
    List<Register> more = new ArrayList<>();
    Optional<CpuFields> apicFields = apic.map(a -> new CpuFields(a, a.label()));
    more.addAll(X86Vectors.of(fields, kvm));
    more.addAll(PendingEvents.of(fields, common.map(c -> new CpuFields(c, c.label())), apicFields));
    for (MsrTable.Msr msr : MsrTable.ALL) {
      Optional<CpuFields> holder =
          msr.field().startsWith("apic/") ? apicFields : Optional.of(fields);
      if (holder.isPresent()) {
        String name = msr.field().substring(msr.field().startsWith("apic/") ? 5 : 0);
        holder
            .get()
            .part(name, 0)
            .ifPresent(
                part ->
                    more.add(
                        Register.of("msr." + msr.name(), RegisterGroup.MSR, List.of(part), false)));
      }
    }
    if (apicFields.isPresent()) {
      more.addAll(LocalApic.of(apicFields.get(), stopped));
    }
    return Optional.of(new X86Cpu((int) section.instance(), view.registers, more));
  }

  private void all() throws IOException {
    for (int i = 0; i < REGS.size(); i++) {
      scalar(REGS.get(i), "env.regs[" + i + "]");
    }
    scalar("rip", "env.eip");
    scalar("rflags", "env.eflags");
    for (int i = 0; i < SEGMENTS.size(); i++) {
      segment(SEGMENTS.get(i), "env.segs[" + i + "]", DESCRIPTOR);
    }
    segment("ldt", "env.ldt", DESCRIPTOR);
    segment("tr", "env.tr", DESCRIPTOR);
    segment("gdt", "env.gdt", TABLE);
    segment("idt", "env.idt", TABLE);
    for (String[] named : SCALARS) {
      scalar(named[0], named[1]);
    }
    for (int i = 0; i < 8; i++) {
      scalar("dr" + i, "env.dr[" + i + "]");
    }
  }

  private void segment(String name, String path, List<String> parts) throws IOException {
    for (String part : parts) {
      scalar(name + "." + part, path + "/" + part);
    }
  }

  private void scalar(String name, String field) throws IOException {
    fields
        .part(field, 0)
        .ifPresent(
            part -> registers.add(Register.of(name, RegisterGroup.GENERAL, List.of(part), false)));
  }
}
