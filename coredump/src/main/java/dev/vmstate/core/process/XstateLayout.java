package dev.vmstate.core.process;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How a kernel lays out what XSAVE saves in the notes of a core: the standard form, each component
 * where CPUID leaf 0xD puts it. The kernel keeps what CPUID said in {@code xstate_offsets} and
 * {@code xstate_sizes}, and writes the 48 bytes {@code xstate_fx_sw_bytes} at 464, which begin with
 * the components there can be. They matter: an AMD CPU without AVX-512 has PKRU at 832, not at
 * 2688. Where the kernel's symbols are functions only, components are where QEMU puts them.
 *
 * @param size bytes of the note; 0 without XSAVE
 * @param features bits of the components it can have
 * @param offsets of components in the standard form, by bit
 * @param sizes of components
 * @param flags of components, bit 1: aligned to 64 bytes in the compacted form
 * @param software what stands at 464
 * @param initial the XSAVE image of registers nobody has changed, {@code init_fpstate}
 */
record XstateLayout(
    int size,
    long features,
    Table offsets,
    Table sizes,
    Table flags,
    ByteBuffer software,
    ByteBuffer initial) {
  /** Components there can be: APX's, bit 19, is the last one that any kernel knows. */
  static final int FEATURES = 20;

  static final int LEGACY = 512;
  static final int HEADER_END = 576;
  private static final int SOFTWARE_BYTES = 48;
  private static final int MOST_BYTES = 16_384;

  private static final int[] QEMU_OFFSETS = {
    0, 160, 576, 960, 1024, 1088, 1152, 1664, 0, 2688, 0, 0, 0, 0, 0, 0, 0, 2752, 2816, 960
  };
  private static final int[] QEMU_SIZES = {
    160, 256, 256, 64, 64, 64, 512, 1024, 128, 8, 8, 16, 24, 0, 16, 0, 0, 64, 8192, 128
  };

  /** A number for each component. */
  record Table(ByteBuffer words) {
    static Table of(int[] values) {
      ByteBuffer words = ByteBuffer.allocate(4 * FEATURES).order(ByteOrder.LITTLE_ENDIAN);
      for (int value : values) {
        words.putInt(value);
      }
      return new Table(words);
    }

    int get(int feature) {
      return words.getInt(4 * feature);
    }
  }

  /** Where QEMU has components, whatever the guest's kernel thinks. */
  static Table qemuOffsets() {
    return Table.of(QEMU_OFFSETS);
  }

  /**
   * Of a kernel.
   *
   * @param xcr0 of a CPU, 0 without XSAVE
   */
  static XstateLayout of(KernelObjects objects, long xcr0) throws IOException {
    ByteBuffer software =
        bytes(objects, "xstate_fx_sw_bytes", SOFTWARE_BYTES)
            .orElseGet(
                () ->
                    ByteBuffer.allocate(SOFTWARE_BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(0, xcr0));
    Table offsets = table(objects, "xstate_offsets", QEMU_OFFSETS);
    Table sizes = table(objects, "xstate_sizes", QEMU_SIZES);
    int[] unknown = new int[FEATURES];
    unknown[17] = 2; // XTILECFG, XTILEDATA: the only ones that are aligned
    unknown[18] = 2;
    Table flags = table(objects, "xstate_flags", unknown);
    int size = size(objects);
    if (size < 0) {
      size = xcr0 == 0 ? 0 : HEADER_END;
      for (int i = 2; i < FEATURES; i++) {
        size = (xcr0 >>> i & 1) == 0 ? size : Math.max(size, offsets.get(i) + sizes.get(i));
      }
    }
    boolean plausible = size >= HEADER_END && size <= MOST_BYTES;
    return new XstateLayout(
        plausible ? size & -8 : 0,
        software.getLong(0),
        offsets,
        sizes,
        flags,
        software,
        initial(objects));
  }

  /** Bytes of the user's components; -1 when nothing says. */
  private static int size(KernelObjects objects) throws IOException {
    OptionalLong now = objects.address("fpu_user_cfg");
    OptionalLong old = objects.address("fpu_user_xstate_size");
    KernelMemory memory = objects.memory();
    try {
      KernelObject config = objects.at("fpu_state_config", now.orElse(0));
      if (now.isPresent() && config.has("max_size")) {
        return (int) Math.min(config.number("max_size"), MOST_BYTES + 1);
      }
      return old.isPresent() ? (int) Math.min(memory.u32(old.getAsLong()), MOST_BYTES + 1) : -1;
    } catch (UnmappedAddressException gone) {
      return -1;
    }
  }

  private static Table table(KernelObjects objects, String symbol, int[] otherwise)
      throws IOException {
    // The kernel has as many as it knows. What is beyond is QEMU's and not asked for.
    int count = (int) Math.min(FEATURES, objects.types().enumerator("XFEATURE_MAX").orElse(10));
    ByteBuffer words = Table.of(otherwise).words();
    bytes(objects, symbol, 4 * count).ifPresent(kernel -> words.put(0, kernel, 0, 4 * count));
    return new Table(words);
  }

  private static ByteBuffer initial(KernelObjects objects) throws IOException {
    KernelObject state = objects.at("fpstate", 0);
    int skipped = state.has("regs") ? (int) Math.min(state.at("regs"), 4096) : 0;
    Optional<ByteBuffer> whole = bytes(objects, "init_fpstate", skipped + HEADER_END);
    if (whole.isPresent() && whole.get().getShort(skipped) != 0) {
      return whole.get().slice(skipped, HEADER_END).order(ByteOrder.LITTLE_ENDIAN);
    }
    ByteBuffer usual = ByteBuffer.allocate(HEADER_END).order(ByteOrder.LITTLE_ENDIAN);
    return usual.putShort(0, (short) 0x37f).putInt(24, 0x1f80).putInt(28, 0xffff);
  }

  private static Optional<ByteBuffer> bytes(KernelObjects objects, String symbol, int count)
      throws IOException {
    OptionalLong at = objects.address(symbol);
    if (at.isEmpty()) {
      return Optional.empty();
    }
    try {
      byte[] bytes = objects.memory().bytes(at.getAsLong(), count);
      return Optional.of(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    } catch (UnmappedAddressException gone) {
      return Optional.empty();
    }
  }

  /**
   * Where a component is in a compacted image, which has no room for those that {@code xcompBv}
   * does not have. Source: {@code arch/x86/kernel/fpu/xstate.c}, xfeature_get_offset.
   */
  int compacted(int feature, long xcompBv) {
    int at = HEADER_END;
    for (int i = 2; i < feature; i++) {
      if ((xcompBv >>> i & 1) != 0) {
        at = aligned(i, at) + sizes.get(i);
      }
    }
    return aligned(feature, at);
  }

  private int aligned(int feature, int at) {
    return (flags.get(feature) & 2) != 0 ? at + 63 & -64 : at;
  }
}
