package dev.vmstate.cpu;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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

  private final DeviceSection section;
  private final Map<String, Field> fields = new HashMap<>();
  private final List<Register> registers = new ArrayList<>();

  private X86Registers(DeviceSection section) {
    this.section = section;
    for (Field field : section.root().children()) {
      fields.put(field.label(), field);
    }
  }

  /** The registers of a {@code cpu} section, or empty when it is no decoded x86 CPU. */
  public static Optional<X86Cpu> of(DeviceSection section) throws IOException {
    X86Registers view = new X86Registers(section);
    if (!section.name().equals("cpu")
        || !(view.fields.get("env.regs") instanceof Field.Array regs)
        || !(view.fields.get("env.eip") instanceof Field.Scalar)
        || regs.count() > REGS.size()) {
      return Optional.empty();
    }
    view.elements("env.regs", regs, REGS);
    view.scalar("rip", "env.eip");
    view.scalar("rflags", "env.eflags");
    for (int i = 0; i < SEGMENTS.size(); i++) {
      view.segment(SEGMENTS.get(i), "env.segs[" + i + "]", true);
    }
    view.segment("ldt", "env.ldt", true);
    view.segment("tr", "env.tr", true);
    view.segment("gdt", "env.gdt", false);
    view.segment("idt", "env.idt", false);
    for (String[] named : SCALARS) {
      view.scalar(named[0], named[1]);
    }
    if (view.fields.get("env.dr") instanceof Field.Array dr) {
      view.elements("env.dr", dr, List.of("dr0", "dr1", "dr2", "dr3", "dr4", "dr5", "dr6", "dr7"));
    }
    return Optional.of(new X86Cpu((int) section.instance(), view.registers));
  }

  private void elements(String path, Field.Array array, List<String> names) throws IOException {
    for (int i = 0; i < Math.min(array.count(), names.size()); i++) {
      long value = section.element(array, i);
      registers.add(
          Register.ofField(names.get(i), array.element(i), value, path(path + "[" + i + "]")));
    }
  }

  private void scalar(String name, String field) {
    if (fields.get(field) instanceof Field.Scalar scalar) {
      add(name, scalar, field);
    }
  }

  private void segment(String name, String path, boolean descriptor) {
    if (fields.get(path) instanceof Field.Group group) {
      for (Field child : group.children()) {
        boolean shown = descriptor || child.name().equals("base") || child.name().equals("limit");
        if (shown && child instanceof Field.Scalar scalar) {
          add(name + "." + child.name(), scalar, path + "/" + child.name());
        }
      }
    }
  }

  private void add(String name, Field.Scalar scalar, String path) {
    Span span = scalar.span();
    int unused = 64 - 8 * (int) span.length();
    long value = scalar.value() << unused >>> unused;
    registers.add(Register.ofField(name, span, value, path(path)));
  }

  private String path(String field) {
    return "cpu[" + section.instance() + "]/" + field;
  }
}
