package dev.vmstate.linked;

import dev.vmstate.bytes.Span;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.RegisterPart;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import java.io.IOException;
import java.math.BigInteger;
import java.util.List;
import java.util.Optional;

/**
 * What has to change in a CPU because something else of it was edited.
 *
 * <ul>
 *   <li>{@code hflags} repeats bits of CR0, CR4, EFER, XCR0 and of the segments. QEMU computes it
 *       when the guest writes one of those, not when it loads them ({@code target/i386/machine.c},
 *       cpu_post_load, repairs CPL alone), and TCG runs by it: with CR0.PE edited and hflags left
 *       alone the guest goes on in the old mode.
 *   <li>{@code halted} is TCG's and {@code mp_state} KVM's word for the same.
 * </ul>
 *
 * <p>What a vCPU of KVM's needs is in {@link VcpuLinks}. A field that was edited itself is left
 * alone, and so is a bit of hflags that did not agree before: TCG and KVM do not keep all of them.
 */
public final class CpuLinks {
  private static final String HFLAGS = "hflags";
  private static final int KVM_MP_STATE_RUNNABLE = 0;
  private static final int KVM_MP_STATE_HALTED = 3;

  private static final long DB = 1 << 22;
  private static final long L = 1 << 21;

  private final X86Cpu cpu;
  private final List<FieldEdit> edits;

  private CpuLinks(X86Cpu cpu, List<FieldEdit> edits) {
    this.cpu = cpu;
    this.edits = edits;
  }

  /**
   * Adds to {@code edits} what follows from them.
   *
   * @param cpus whose registers they may be
   * @param devices the sections that hold them
   */
  public static void follow(List<X86Cpu> cpus, List<DeviceSection> devices, EditSet edits)
      throws IOException {
    VcpuLinks.follow(devices, edits);
    List<FieldEdit> asked = edits.edits();
    for (X86Cpu cpu : cpus) {
      CpuLinks links = new CpuLinks(cpu, asked);
      for (FieldEdit edit : links.hflags()) {
        edits.add(edit);
      }
      for (FieldEdit edit : links.halted()) {
        edits.add(edit);
      }
    }
  }

  private List<FieldEdit> hflags() {
    Optional<Register> hflags = cpu.find(HFLAGS);
    if (hflags.isEmpty() || isEdited(HFLAGS)) {
      return List.of();
    }
    List<String> causes =
        HiddenFlags.SOURCES.stream().filter(name -> after(name) != before(name)).toList();
    long now = hflags.get().value();
    long old = HiddenFlags.of(this::before);
    long agreed = HiddenFlags.MASK & ~(now ^ old);
    long fresh = now & ~agreed | HiddenFlags.of(this::after) & agreed;
    if (causes.isEmpty() || fresh == now) {
      return List.of();
    }
    return hflags
        .get()
        .set(
            BigInteger.valueOf(fresh),
            "follows from " + String.join(", ", causes) + ": QEMU does not compute it on load");
  }

  private List<FieldEdit> halted() {
    Optional<Register> state = cpu.find("mp_state");
    if (state.isEmpty() || isEdited("mp_state") || after("halted") == before("halted")) {
      return List.of();
    }
    long now = state.get().value();
    boolean halt = after("halted") != 0;
    long fresh =
        halt ? KVM_MP_STATE_HALTED : now == KVM_MP_STATE_HALTED ? KVM_MP_STATE_RUNNABLE : now;
    return state.get().set(BigInteger.valueOf(fresh), "goes with halted: KVM looks at this one");
  }

  private boolean isEdited(String name) {
    return cpu.find(name).stream()
        .flatMap(register -> register.parts().stream())
        .anyMatch(part -> edits.stream().anyMatch(edit -> overlap(edit.where(), part.span())));
  }

  private static boolean overlap(Span a, Span b) {
    return a.offset() < b.end() && b.offset() < a.end();
  }

  private long before(String name) {
    return cpu.find(name).map(Register::value).orElse(0L);
  }

  /** A register's lowest 64 bits with the edits in it. */
  private long after(String name) {
    Optional<Register> register = cpu.find(name);
    if (register.isEmpty() || register.get().field().isEmpty()) {
      return before(name);
    }
    RegisterPart part = register.get().field().get();
    long value = register.get().value();
    int bytes = (int) part.span().length();
    for (FieldEdit edit : edits) {
      byte[] after = edit.after().array();
      for (int i = 0; i < after.length; i++) {
        long at = edit.where().offset() + i - part.span().offset();
        if (at >= 0 && at < bytes) {
          int shift = 8 * (int) (bytes - 1 - at);
          value = value & ~(0xffL << shift) | (after[i] & 0xffL) << shift;
        }
      }
    }
    return value;
  }

  /** Bits of hflags that repeat others: {@code target/i386/cpu.c}, x86_update_hflags. */
  private static final class HiddenFlags {
    static final List<String> SOURCES =
        List.of(
            "cr0", "cr4", "efer", "xcr0", "cs.flags", "ss.flags", "ds.base", "es.base", "ss.base");

    private static final int CPL = 3;
    private static final int CS32 = 1 << 4;
    private static final int SS32 = 1 << 5;
    private static final int ADDSEG = 1 << 6;
    private static final int PE = 1 << 7;
    private static final int CR0_MP_EM_TS = 7 << 9;
    private static final int LMA = 1 << 14;
    private static final int CS64 = 1 << 15;
    private static final int SVME = 1 << 20;
    private static final int OSFXSR = 1 << 22;
    private static final int SMAP = 1 << 23;
    private static final int UMIP = 1 << 27;
    private static final int AVX_EN = 1 << 28;

    static final long MASK =
        CPL
            | CS32
            | SS32
            | ADDSEG
            | PE
            | CR0_MP_EM_TS
            | LMA
            | CS64
            | SVME
            | OSFXSR
            | SMAP
            | UMIP
            | AVX_EN;

    private interface Value {
      long of(String register);
    }

    static long of(Value get) {
      long cr0 = get.of("cr0");
      long cr4 = get.of("cr4");
      long efer = get.of("efer");
      long cs = get.of("cs.flags");
      long ss = get.of("ss.flags");
      long flags = ss >> 13 & CPL;
      flags |= when((cr0 & 1) != 0, PE);
      flags |= (cr0 & 0xe) << 8 & CR0_MP_EM_TS;
      flags |= when((efer & 1 << 10) != 0, LMA);
      flags |= when((efer & 1 << 12) != 0, SVME);
      flags |= when((cr4 & 1 << 9) != 0, OSFXSR);
      flags |= when((cr4 & 1 << 21) != 0, SMAP);
      flags |= when((cr4 & 1 << 11) != 0, UMIP);
      flags |= when((cr4 & 1 << 18) != 0 && (get.of("xcr0") & 6) == 6, AVX_EN);
      if ((flags & LMA) != 0 && (cs & L) != 0) {
        return flags | CS32 | SS32 | CS64;
      }
      flags |= when((cs & DB) != 0, CS32) | when((ss & DB) != 0, SS32);
      boolean based = (get.of("ds.base") | get.of("es.base") | get.of("ss.base")) != 0;
      boolean virtual8086 = (get.of("rflags") & 1 << 17) != 0;
      boolean addseg = (cr0 & 1) == 0 || virtual8086 || (flags & CS32) == 0 || based;
      return flags | when(addseg, ADDSEG);
    }

    private static long when(boolean condition, long bits) {
      return condition ? bits : 0;
    }
  }
}
