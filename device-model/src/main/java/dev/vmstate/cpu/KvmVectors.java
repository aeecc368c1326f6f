package dev.vmstate.cpu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * x87, SSE, AVX, AVX-512, MPX, protection keys and AMX of a vCPU, out of the XSAVE area KVM gives
 * ({@code KVM_GET_XSAVE2}: the standard form, whatever the host's own is), or out of {@code fpu},
 * which has its first half.
 *
 * <p>Where the components above SSE stand, CPUID leaf 0xd says, a subleaf for each: AMD without MPX
 * has the masks at 832 where Intel has the bounds. A state without {@code cpuid} is taken for
 * Intel's, as {@link XsaveArea} has it.
 *
 * <p>The x87 registers stand in stack order, so {@code st0} and {@code fpr0} are the same; {@code
 * mm0} is the lowest half of the physical register R0, wherever TOP puts it.
 */
final class KvmVectors {
  private static final int FPREGS = 8;
  private static final int HEADER_END = 576;
  private static final int LEAF = 0xd;
  private static final int MOST_LEAVES = 1024;
  private static final int MOST_BYTES = 1 << 20;

  /** Component and its offset in Intel's layout. */
  private enum Component {
    YMM(2, 576),
    BOUNDS(3, 960),
    BOUNDS_CONTROL(4, 1024),
    MASKS(5, 1088),
    ZMM_HIGH(6, 1152),
    ZMM_16_TO_31(7, 1664),
    KEYS(9, 2688),
    TILE_CONFIGURATION(17, 2752),
    TILES(18, 2816);

    final int bit;
    final int offset;

    Component(int bit, int offset) {
      this.bit = bit;
      this.offset = offset;
    }
  }

  private final CpuFields fields;
  private final boolean xsave;

  /** Bits of the components that there are: enabled, or in use. */
  private final long there;

  private final Map<Component, Integer> offsets = new EnumMap<>(Component.class);
  private final List<Register> registers = new ArrayList<>();

  private KvmVectors(CpuFields fields, long xcr0) throws IOException {
    this.fields = fields;
    this.xsave = fields.part("xsave/mxcsr", 0).isPresent();
    this.there = xcr0 | fields.part("xsave/xstate_bv", 0).map(RegisterPart::now).orElse(0L);
    for (int i = 0; i < MOST_LEAVES && fields.has("cpuid[" + i + "]/function"); i++) {
      leaf("cpuid[" + i + "]/");
    }
  }

  /** CPUID leaf 0xd: EBX of subleaf <i>n</i> is where component <i>n</i> stands. */
  private void leaf(String entry) throws IOException {
    Optional<RegisterPart> index = fields.part(entry + "index", 0);
    Optional<RegisterPart> offset = fields.part(entry + "ebx", 0);
    if (fields.part(entry + "function", 0).filter(f -> f.now() == LEAF).isEmpty()
        || index.isEmpty()
        || offset.isEmpty()
        || offset.get().now() < HEADER_END
        || offset.get().now() > MOST_BYTES) {
      return;
    }
    for (Component component : Component.values()) {
      if (component.bit == index.get().now()) {
        offsets.putIfAbsent(component, (int) offset.get().now()); // KVM takes the first one, too
      }
    }
  }

  private boolean has(Component component) {
    return (there >>> component.bit & 1) != 0;
  }

  private int offset(Component component) {
    return offsets.getOrDefault(component, component.offset);
  }

  /** {@code xcr0}: what the guest has enabled, 0 where that was not kept. */
  static KvmVectors of(CpuFields fields, long xcr0) throws IOException {
    KvmVectors view = new KvmVectors(fields, xcr0);
    view.fpu();
    view.xmm();
    if (view.xsave) {
      view.extended();
    }
    return view;
  }

  /** Everything but {@link #mxcsr}. */
  List<Register> views() {
    return List.copyOf(registers);
  }

  /** The register, which counts among the general ones, if it is there. */
  List<Register> mxcsr() throws IOException {
    Optional<RegisterPart> part = fields.part(name("mxcsr"), 0);
    return part.stream()
        .map(p -> Register.of("mxcsr", RegisterGroup.GENERAL, List.of(p), false))
        .toList();
  }

  private String name(String member) {
    return (xsave ? "xsave/" : "fpu/") + member;
  }

  private void fpu() throws IOException {
    one("fctrl", RegisterGroup.FPU, "fcw");
    one("fstat", RegisterGroup.FPU, "fsw");
    one("ftag", RegisterGroup.FPU, xsave ? "ftw" : "ftwx");
    one("fop", RegisterGroup.FPU, xsave ? "fop" : "last_opcode");
    one("fip", RegisterGroup.FPU, xsave ? "fip" : "last_ip");
    one("fdp", RegisterGroup.FPU, xsave ? "fdp" : "last_dp");
    Optional<RegisterPart> status = fields.part(name("fsw"), 0);
    int top = status.isEmpty() ? 0 : (int) (status.get().now() >> 11 & 7);
    String st = name(xsave ? "st" : "fpr");
    for (String shown : List.of("fpr", "st")) {
      for (int i = 0; i < FPREGS; i++) {
        String at = st + "[" + i + "]";
        group(
            shown + i,
            RegisterGroup.FPU,
            List.of(fields.piece(at, 0, 8, 0), fields.piece(at, 8, 2, 64)));
      }
    }
    for (int i = 0; i < FPREGS; i++) {
      String at = st + "[" + (i - top & 7) + "]";
      group("mm" + i, RegisterGroup.FPU, List.of(fields.piece(at, 0, 8, 0)));
    }
  }

  private void xmm() throws IOException {
    for (int i = 0; i < 16; i++) {
      group("xmm" + i, RegisterGroup.SSE, low(i));
    }
  }

  private List<Optional<RegisterPart>> low(int i) throws IOException {
    String at = name("xmm[" + i + "]");
    return List.of(fields.piece(at, 0, 0), fields.piece(at, 8, 64));
  }

  private void extended() throws IOException {
    if (has(Component.ZMM_16_TO_31)) {
      for (int i = 16; i < 32; i++) {
        group("xmm" + i, RegisterGroup.SSE, bytes(Component.ZMM_16_TO_31, (i - 16) * 64, 16, 0));
      }
    }
    for (int i = 0; i < 32; i++) {
      group("ymm" + i, RegisterGroup.AVX, vector(i, false));
    }
    for (int i = 0; i < 32; i++) {
      group("zmm" + i, RegisterGroup.AVX, vector(i, true));
    }
    each("k", 8, Component.MASKS, 8);
    each("bnd", 4, Component.BOUNDS, 16);
    group("bndcfgu", RegisterGroup.AVX, bytes(Component.BOUNDS_CONTROL, 0, 8, 0));
    group("bndstatus", RegisterGroup.AVX, bytes(Component.BOUNDS_CONTROL, 8, 8, 0));
    if (has(Component.KEYS)) {
      int keys = offset(Component.KEYS) - HEADER_END;
      group("pkru", RegisterGroup.AVX, List.of(fields.piece("xsave/extended", keys, 4, 0)));
    }
    one("xstate_bv", RegisterGroup.AVX, "xstate_bv");
    group("xtilecfg", RegisterGroup.AVX, bytes(Component.TILE_CONFIGURATION, 0, 64, 0));
    each("tmm", 8, Component.TILES, 1024);
  }

  private List<Optional<RegisterPart>> vector(int i, boolean whole) throws IOException {
    if (i >= 16) {
      return bytes(Component.ZMM_16_TO_31, (i - 16) * 64, whole ? 64 : 32, 0);
    }
    List<Optional<RegisterPart>> parts = new ArrayList<>(low(i));
    parts.addAll(bytes(Component.YMM, i * 16, 16, 128));
    if (whole) {
      parts.addAll(bytes(Component.ZMM_HIGH, i * 32, 32, 256));
    }
    return parts;
  }

  private void one(String shown, RegisterGroup group, String member) throws IOException {
    group(shown, group, List.of(fields.part(name(member), 0)));
  }

  /** Adds a register when all its parts are there. */
  private void group(String name, RegisterGroup group, List<Optional<RegisterPart>> parts) {
    List<RegisterPart> found = parts.stream().flatMap(Optional::stream).toList();
    if (found.size() == parts.size()) {
      registers.add(Register.of(name, group, found, false));
    }
  }

  private void each(String name, int count, Component component, int length) throws IOException {
    for (int i = 0; i < count; i++) {
      group(name + i, RegisterGroup.AVX, bytes(component, i * length, length, 0));
    }
  }

  /** {@code length} bytes of a component from its byte {@code from} on, from bit {@code at} on. */
  private List<Optional<RegisterPart>> bytes(Component component, int from, int length, int at)
      throws IOException {
    if (!has(component)) {
      return List.of(Optional.empty());
    }
    List<Optional<RegisterPart>> parts = new ArrayList<>();
    int start = offset(component) - HEADER_END + from;
    for (int i = 0; i < length; i += Long.BYTES) {
      parts.add(fields.piece("xsave/extended", start + i, at + i * 8));
    }
    return parts;
  }
}
