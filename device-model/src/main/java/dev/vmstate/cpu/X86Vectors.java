package dev.vmstate.cpu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * x87, SSE, AVX, AVX-512, MPX and protection keys of a CPU.
 *
 * <p>{@code fpr0 … fpr7} are QEMU's {@code env.fpregs} as {@code info registers} prints them. TCG
 * keeps the physical registers R0 … R7 there, and {@code st0} is the one that TOP of the status
 * word points at. KVM fills them from an XSAVE image, which has them in stack order already ({@code
 * target/i386/xsave_helper.c}, x86_cpu_xrstor_all_areas): there {@code st0} is {@code fpr0}
 * whatever TOP says.
 */
final class X86Vectors {
  private static final int FPREGS = 8;
  private static final int TILES = 8;
  private static final int TILE = 1024;
  private static final int TILECFG = 64;

  private final CpuFields fields;
  private final List<Register> registers = new ArrayList<>();

  private X86Vectors(CpuFields fields) {
    this.fields = fields;
  }

  static List<Register> of(CpuFields fields, boolean kvm) throws IOException {
    X86Vectors view = new X86Vectors(fields);
    view.fpu(kvm);
    view.vectors();
    view.avx();
    return view.registers;
  }

  private void fpu(boolean kvm) throws IOException {
    one("fctrl", RegisterGroup.FPU, "env.fpuc");
    one("fstat", RegisterGroup.FPU, "env.fpus_vmstate");
    bits("ftag", "env.fptag_vmstate", 0, 8);
    one("fop", RegisterGroup.FPU, "env.fpop");
    one("fip", RegisterGroup.FPU, "env.fpip");
    one("fdp", RegisterGroup.FPU, "env.fpdp");
    int top = 0;
    Optional<RegisterPart> status = fields.part("env.fpus_vmstate", 0);
    if (status.isPresent()) {
      top = (int) (status.get().now() >> 11 & 7);
    }
    for (int i = 0; i < FPREGS; i++) {
      x87("fpr" + i, i);
    }
    for (int i = 0; i < FPREGS; i++) {
      x87("st" + i, kvm ? i : i + top & 7);
    }
    for (int i = 0; i < FPREGS; i++) {
      int at = kvm ? i - top & 7 : i;
      group("mm" + i, RegisterGroup.FPU, List.of(mantissa(at, 0)));
    }
  }

  private Optional<RegisterPart> mantissa(int i, int at) throws IOException {
    String name = "env.fpregs[" + i + "]/";
    Optional<RegisterPart> described = fields.part(name + "tmp/tmp_mant", at);
    return described.isPresent() ? described : fields.part(name + "mant", at);
  }

  private void x87(String name, int i) throws IOException {
    String field = "env.fpregs[" + i + "]/";
    Optional<RegisterPart> exponent = fields.part(field + "tmp/tmp_exp", 64);
    if (exponent.isEmpty()) {
      exponent = fields.part(field + "exp", 64);
    }
    group(name, RegisterGroup.FPU, List.of(mantissa(i, 0), exponent));
  }

  /** Each register from its parts: 16 bytes of xmm_reg, 16 of ymmh_reg, 32 of zmmh_reg. */
  private void vectors() throws IOException {
    List<String> low = fields.structs("xmm_reg");
    List<String> high = fields.structs("ymmh_reg");
    List<String> higher = fields.structs("zmmh_reg");
    List<String> all = fields.structs("hi16_zmm_reg");
    int count = low.size() + all.size();
    for (String width : List.of("xmm", "ymm", "zmm")) {
      int words = width.equals("xmm") ? 2 : width.equals("ymm") ? 4 : 8;
      for (int i = 0; i < count; i++) {
        List<Optional<RegisterPart>> parts = new ArrayList<>();
        for (int word = 0; word < words; word++) {
          List<String> in = i >= low.size() ? all : word < 2 ? low : word < 4 ? high : higher;
          int n = i >= low.size() ? i - low.size() : i;
          parts.add(
              n < in.size()
                  ? fields.part(in.get(n) + "_q_ZMMReg[" + word + "]", word * 64)
                  : Optional.empty());
        }
        group(width + i, words == 2 ? RegisterGroup.SSE : RegisterGroup.AVX, parts);
      }
    }
  }

  private void avx() throws IOException {
    for (int i = 0; i < 8; i++) {
      one("k" + i, RegisterGroup.AVX, "env.opmask_regs[" + i + "]");
    }
    List<String> bounds = fields.structs("bnd_regs");
    for (int i = 0; i < bounds.size(); i++) {
      group(
          "bnd" + i,
          RegisterGroup.AVX,
          List.of(fields.part(bounds.get(i) + "lb", 0), fields.part(bounds.get(i) + "ub", 64)));
    }
    one("bndcfgu", RegisterGroup.AVX, "env.bndcs_regs.cfgu");
    one("bndstatus", RegisterGroup.AVX, "env.bndcs_regs.sts");
    one("pkru", RegisterGroup.AVX, "env.pkru");
    one("xstate_bv", RegisterGroup.AVX, "env.xstate_bv");
    tile("xtilecfg", "env.xtilecfg", 0, TILECFG);
    for (int i = 0; i < TILES; i++) {
      tile("tmm" + i, "env.xtiledata", i * TILE, TILE);
    }
  }

  /** AMX: bytes of a buffer. */
  private void tile(String name, String field, int from, int bytes) throws IOException {
    List<Optional<RegisterPart>> parts = new ArrayList<>();
    for (int i = 0; i < bytes; i += Long.BYTES) {
      parts.add(fields.piece(field, from + i, i * 8));
    }
    group(name, RegisterGroup.AVX, parts);
  }

  private void one(String name, RegisterGroup group, String field) throws IOException {
    group(name, group, List.of(fields.part(field, 0)));
  }

  private void bits(String name, String field, int from, int bits) throws IOException {
    Optional<RegisterPart> part = fields.part(field, 0).map(p -> p.only(from, bits));
    group(name, RegisterGroup.FPU, List.of(part));
  }

  /** Adds a register when all its parts are there. */
  private void group(String name, RegisterGroup group, List<Optional<RegisterPart>> parts) {
    List<RegisterPart> found = new ArrayList<>();
    for (Optional<RegisterPart> part : parts) {
      part.ifPresent(found::add);
    }
    if (found.size() == parts.size()) {
      registers.add(Register.of(name, group, found, false));
    }
  }
}
