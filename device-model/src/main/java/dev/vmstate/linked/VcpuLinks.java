package dev.vmstate.linked;

import dev.vmstate.bytes.Span;
import dev.vmstate.cpu.XsaveArea;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.kvmstate.StateDocument;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * What has to change in a vCPU of a snapshot directory because something else of it was edited. KVM
 * gives, and takes, some values twice, and looks at others together ({@code arch/x86/kvm/x86.c}).
 *
 * <ul>
 *   <li>{@code cr8} is the upper half of the local APIC's TPR; {@code apic_base}, {@code efer} and
 *       the bases of FS and GS are MSRs too. Of two that come, the last one wins.
 *   <li>EFER.LMA is EFER.LME and CR0.PG: KVM refuses another one (kvm_is_valid_sregs).
 *   <li>The PDPTRs of {@code sregs2} stand for what is in memory at CR3, as long as its flag says
 *       so; without the flag KVM reads them there.
 *   <li>A component of the XSAVE area counts only where XSTATE_BV has its bit.
 *   <li>A segment that is marked unusable is none, present or not.
 * </ul>
 *
 * <p>A field that was edited itself is left alone.
 */
final class VcpuLinks {
  private static final long PG = 1L << 31;
  private static final long PAE = 1L << 5;
  private static final long LME = 1L << 8;
  private static final long LMA = 1L << 10;
  private static final long PDPTRS_VALID = 1;
  private static final long IA32_APIC_BASE = 0x1b;
  private static final long IA32_EFER = 0xc000_0080L;
  private static final long IA32_FS_BASE = 0xc000_0100L;
  private static final long IA32_GS_BASE = 0xc000_0101L;
  private static final List<String> SEGMENTS =
      List.of("cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt");

  private final DeviceSection vcpu;
  private final EditSet edits;
  private final String sregs;

  private VcpuLinks(DeviceSection vcpu, EditSet edits) {
    this.vcpu = vcpu;
    this.edits = edits;
    this.sregs = find("sregs2/cr0").isPresent() ? "sregs2/" : "sregs/";
  }

  /** Adds to {@code edits} what follows from them. */
  static void follow(List<DeviceSection> devices, EditSet edits) throws IOException {
    for (DeviceSection device : devices) {
      if (device.name().equals(StateDocument.VCPU) && edits.touches(device.payload())) {
        new VcpuLinks(device, edits).follow();
      }
    }
  }

  private void follow() throws IOException {
    Optional<FieldPath> cr8 = find(sregs + "cr8");
    Optional<FieldPath> tpr = find("lapic/tpr");
    if (cr8.isPresent() && tpr.isPresent()) {
      if (changed(cr8.get())) {
        set(tpr.get(), (after(cr8.get()) & 0xf) << 4, "goes with cr8: it is the same in the APIC");
      } else if (changed(tpr.get())) {
        set(cr8.get(), after(tpr.get()) >> 4 & 0xf, "goes with the APIC's tpr");
      }
    }
    mode();
    same(sregs + "apic_base", IA32_APIC_BASE);
    same(sregs + "efer", IA32_EFER);
    same(sregs + "fs/base", IA32_FS_BASE);
    same(sregs + "gs/base", IA32_GS_BASE);
    pdptrs();
    components();
    for (String segment : SEGMENTS) {
      Optional<FieldPath> present = find(sregs + segment + "/present");
      Optional<FieldPath> unusable = find(sregs + segment + "/unusable");
      if (present.isPresent() && unusable.isPresent() && changed(present.get())) {
        boolean there = after(present.get()) != 0;
        set(unusable.get(), there ? 0 : 1, "goes with " + segment + "'s present");
      }
    }
  }

  /** A register that is an MSR as well, where the state lists it. */
  private void same(String register, long msr) throws IOException {
    Optional<FieldPath> field = find(register);
    Optional<FieldPath> data = msr(msr);
    if (field.isPresent() && data.isPresent()) {
      if (changed(field.get())) {
        set(
            data.get(),
            after(field.get()),
            "goes with %s: it is MSR 0x%x".formatted(register, msr));
      } else if (changed(data.get())) {
        set(field.get(), after(data.get()), "goes with MSR 0x%x".formatted(msr));
      }
    }
  }

  private Optional<FieldPath> msr(long number) throws IOException {
    for (Field field : vcpu.root().children()) {
      if (field.name().equals("msrs") && field.index() >= 0) {
        Optional<FieldPath> index = find(field.label() + "/index");
        if (index.isPresent() && before(index.get()) == number) {
          return find(field.label() + "/data");
        }
      }
    }
    return Optional.empty();
  }

  /** Long mode is on where it is enabled and there is paging. */
  private void mode() throws IOException {
    Optional<FieldPath> cr0 = find(sregs + "cr0");
    Optional<FieldPath> cr4 = find(sregs + "cr4");
    Optional<FieldPath> efer = find(sregs + "efer");
    Optional<FieldPath> code = find(sregs + "cs/l");
    if (cr0.isEmpty() || cr4.isEmpty() || efer.isEmpty() || code.isEmpty()) {
      return;
    }
    boolean on = (after(cr0.get()) & PG) != 0 && (after(efer.get()) & LME) != 0;
    if (changed(cr0.get())) {
      long value = after(efer.get());
      set(
          efer.get(),
          on ? value | LMA : value & ~LMA,
          "follows from cr0: KVM takes LMA only with LME and PG, and not without");
    }
    String refused =
        ((after(efer.get()) & LMA) != 0) != on
            ? "EFER.LMA is not EFER.LME and CR0.PG"
            : on && (after(cr4.get()) & PAE) == 0
                ? "long mode without CR4.PAE"
                : !on && after(code.get()) != 0 ? "cs.l is set and long mode is not on" : "";
    if (!refused.isEmpty()) {
      for (FieldPath field : List.of(cr0.get(), cr4.get(), efer.get(), code.get())) {
        if (changed(field)) {
          edits.warn(field.span(), refused + ": KVM refuses such a state");
          return;
        }
      }
    }
  }

  private void pdptrs() throws IOException {
    Optional<FieldPath> flags = find(sregs + "flags");
    Optional<FieldPath> pdptrs = find(sregs + "pdptrs");
    if (flags.isEmpty() || pdptrs.isEmpty() || edits.touches(pdptrs.get().span())) {
      return;
    }
    for (String register : List.of("cr3", "cr0", "cr4", "efer")) {
      Optional<FieldPath> field = find(sregs + register);
      if (field.isPresent() && changed(field.get())) {
        set(
            flags.get(),
            after(flags.get()) & ~PDPTRS_VALID,
            "follows from %s: KVM is to read the PDPTRs at cr3".formatted(register));
        return;
      }
    }
  }

  /** Marks the components of the XSAVE area in which something changes. */
  private void components() throws IOException {
    Optional<FieldPath> area = find("xsave");
    Optional<FieldPath> marks = find("xsave/xstate_bv");
    if (area.isEmpty() || marks.isEmpty() || !edits.touches(area.get().span())) {
      return;
    }
    long wanted = after(marks.get());
    for (FieldPath leaf : area.get().leaves()) {
      if (!edits.touches(leaf.span())) {
        continue;
      }
      int at = inArea(leaf.field());
      byte[] before = vcpu.source().bytes(leaf.span());
      byte[] after = edits.over(leaf.span(), before);
      for (int i = 0; i < before.length; i++) {
        int component = XsaveArea.componentAt(at + i);
        if (before[i] != after[i] && component >= 0) {
          wanted |= 1L << component;
        }
      }
    }
    set(marks.get(), wanted, "marks the component that changes as there");
  }

  /** Where a member stands in the area; of several of a name, where one of them does. */
  private static int inArea(Field member) {
    return switch (member.name()) {
      case "fcw", "fsw", "ftw", "fop", "fip", "fdp" -> 0;
      case "mxcsr", "mxcsr_mask" -> 24;
      case "st" -> 32;
      case "xmm" -> 160;
      case "extended" -> 576;
      default -> XsaveArea.LEGACY; // the header, and what has no meaning
    };
  }

  private Optional<FieldPath> find(String path) {
    try {
      return Optional.of(FieldPath.in(vcpu, path));
    } catch (FieldPath.NotFoundException e) {
      return Optional.empty();
    }
  }

  private long before(FieldPath field) throws IOException {
    return number(field, vcpu.source().bytes(field.span()));
  }

  private long after(FieldPath field) throws IOException {
    return number(field, edits.over(field.span(), vcpu.source().bytes(field.span())));
  }

  private static long number(FieldPath field, byte[] bytes) {
    return field.type().map(type -> type.decode(bytes, 0)).orElse(0L);
  }

  private boolean changed(FieldPath field) throws IOException {
    return before(field) != after(field);
  }

  /** Gives a field a value, unless it was edited itself. */
  private void set(FieldPath field, long value, String origin) throws IOException {
    Span span = field.span();
    if (field.type().isPresent() && !edits.touches(span)) {
      byte[] after = field.type().get().encode(value);
      edits.add(FieldEdit.of(field.path(), span, vcpu.source().bytes(span), after, origin));
    }
  }
}
