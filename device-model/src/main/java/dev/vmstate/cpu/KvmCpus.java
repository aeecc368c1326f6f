package dev.vmstate.cpu;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.kvmstate.StateDocument;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The x86 CPUs of a machine that KVM ran, out of its {@code vcpu} sections, with the names that
 * those of a QEMU stream have. {@code sregs} and {@code fpu} stand in for {@code sregs2} and {@code
 * xsave} where a host has nothing newer.
 */
public final class KvmCpus {
  private static final List<String> REGS =
      List.of(
          "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
          "r13", "r14", "r15", "rip", "rflags");

  private static final List<String> SEGMENTS =
      List.of("es", "cs", "ss", "ds", "fs", "gs", "ldt", "tr");

  /** {member, lowest bit in the descriptor's second word, bits}: Intel SDM vol. 3, 3.4.5. */
  private static final Object[][] FLAGS = {
    {"type", 8, 4}, {"s", 12, 1}, {"dpl", 13, 2}, {"present", 15, 1},
    {"avl", 20, 1}, {"l", 21, 1}, {"db", 22, 1}, {"g", 23, 1},
  };

  /** Those that people name without a number. */
  private static final Object[][] NAMED_MSRS = {
    {"star", 0xc0000081L},
    {"lstar", 0xc0000082L},
    {"cstar", 0xc0000083L},
    {"fmask", 0xc0000084L},
    {"kernel_gs_base", 0xc0000102L},
    {"sysenter_cs", 0x174L},
    {"sysenter_esp", 0x175L},
    {"sysenter_eip", 0x176L},
    {"pat", 0x277L},
    {"tsc", 0x10L},
  };

  /** MSRs that are kept as members of {@code sregs} alone, where no list has them. */
  private static final Object[][] IN_SREGS = {
    {"IA32_APIC_BASE", 0x1bL, "apic_base"},
    {"IA32_EFER", 0xc0000080L, "efer"},
    {"IA32_FS_BASE", 0xc0000100L, "fs/base"},
    {"IA32_GS_BASE", 0xc0000101L, "gs/base"},
  };

  private static final int MOST_MSRS = 4096;
  private static final int MOST_XCRS = 16;

  private final CpuFields fields;
  private final String sregs;
  private final List<Register> registers = new ArrayList<>();
  private final List<Register> views = new ArrayList<>();

  private KvmCpus(CpuFields fields) throws IOException {
    this.fields = fields;
    this.sregs = fields.part("sregs2/cr0", 0).isPresent() ? "sregs2/" : "sregs/";
  }

  /** The CPUs, in the order of their numbers. */
  public static List<X86Cpu> of(List<DeviceSection> devices) throws IOException {
    List<X86Cpu> cpus = new ArrayList<>();
    for (DeviceSection section :
        devices.stream()
            .filter(device -> device.name().equals(StateDocument.VCPU))
            .sorted(Comparator.comparingLong(DeviceSection::instance))
            .toList()) {
      CpuFields fields = new CpuFields(section, section.label());
      if (fields.part("regs/rip", 0).isPresent()) {
        KvmCpus view = new KvmCpus(fields);
        view.all();
        cpus.add(new X86Cpu((int) section.instance(), view.registers, view.views));
      }
    }
    return cpus;
  }

  private void all() throws IOException {
    for (String name : REGS) {
      scalar(name, "regs/" + name);
    }
    for (String segment : SEGMENTS) {
      for (String part : List.of("selector", "base", "limit")) {
        scalar(segment + "." + part, sregs + segment + "/" + part);
      }
      flags(segment);
    }
    for (String table : List.of("gdt", "idt")) {
      scalar(table + ".base", sregs + table + "/base");
      scalar(table + ".limit", sregs + table + "/limit");
    }
    for (String name : List.of("cr0", "cr2", "cr3", "cr4", "efer")) {
      scalar(name, sregs + name);
    }
    List<Entry> msrs = msrs();
    for (Object[] named : NAMED_MSRS) {
      for (Entry msr : msrs) {
        if (named[1].equals(msr.number())) {
          registers.add(
              Register.of((String) named[0], RegisterGroup.GENERAL, List.of(msr.data()), false));
        }
      }
    }
    Optional<RegisterPart> xcr0 = xcr0();
    KvmVectors vectors = KvmVectors.of(fields, xcr0.map(RegisterPart::now).orElse(0L));
    registers.addAll(vectors.mxcsr());
    xcr0.ifPresent(
        part -> registers.add(Register.of("xcr0", RegisterGroup.GENERAL, List.of(part), false)));
    for (int i = 0; i < 4; i++) {
      scalar("dr" + i, "debugregs/db[" + i + "]");
    }
    scalar("dr6", "debugregs/dr6");
    scalar("dr7", "debugregs/dr7");
    views.addAll(vectors.views());
    views.addAll(KvmEvents.of(fields, sregs));
    views(msrs);
    views.addAll(KvmEvents.apic(fields, sregs));
  }

  /** Limits are in bytes, whatever {@code g} says: of KVM's segments as of QEMU's. */
  private void flags(String segment) throws IOException {
    List<RegisterPart> parts = new ArrayList<>();
    for (Object[] flag : FLAGS) {
      Optional<RegisterPart> part = fields.part(sregs + segment + "/" + flag[0], 0);
      part.ifPresent(p -> parts.add(p.only(0, (int) flag[2]).to((int) flag[1])));
    }
    if (parts.size() == FLAGS.length) {
      registers.add(Register.of(segment + ".flags", RegisterGroup.GENERAL, parts, false));
    }
    Optional<RegisterPart> unusable = fields.part(sregs + segment + "/unusable", 0);
    unusable.ifPresent(
        part ->
            views.add(
                Register.of(segment + ".unusable", RegisterGroup.EVENT, List.of(part), false)));
  }

  /** One of the list, which says of each what it is. */
  private record Entry(long number, RegisterPart data) {}

  private List<Entry> msrs() throws IOException {
    List<Entry> found = new ArrayList<>();
    Set<Long> seen = new HashSet<>();
    for (int i = 0; i < MOST_MSRS; i++) {
      Optional<RegisterPart> index = fields.part("msrs[" + i + "]/index", 0);
      Optional<RegisterPart> data = fields.part("msrs[" + i + "]/data", 0);
      if (index.isEmpty() || data.isEmpty()) {
        break;
      }
      if (seen.add(index.get().now())) {
        found.add(new Entry(index.get().now(), data.get()));
      }
    }
    return found;
  }

  /** Those with a name by it, others as {@code msr[0x4b564d07]}. */
  private void views(List<Entry> msrs) throws IOException {
    for (Object[] kept : IN_SREGS) {
      Optional<RegisterPart> part = fields.part(sregs + kept[2], 0);
      if (part.isPresent() && msrs.stream().noneMatch(msr -> kept[1].equals(msr.number()))) {
        msr("msr." + kept[0], part.get());
      }
    }
    for (Entry msr : msrs) {
      Optional<String> name = MsrTable.name(msr.number()).map(known -> "msr." + known);
      msr(name.orElseGet(() -> MsrTable.unnamed(msr.number())), msr.data());
    }
  }

  private void msr(String name, RegisterPart part) {
    views.add(Register.of(name, RegisterGroup.MSR, List.of(part), false));
  }

  private Optional<RegisterPart> xcr0() throws IOException {
    for (int i = 0; i < MOST_XCRS; i++) {
      Optional<RegisterPart> number = fields.part("xcrs[" + i + "]/xcr", 0);
      if (number.isPresent() && number.get().now() == 0) {
        return fields.part("xcrs[" + i + "]/value", 0);
      }
    }
    return Optional.empty();
  }

  private void scalar(String name, String field) throws IOException {
    fields
        .part(field, 0)
        .ifPresent(
            part -> registers.add(Register.of(name, RegisterGroup.GENERAL, List.of(part), false)));
  }
}
