package dev.vmstate.cpu;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The XSAVE image of a CPU in the standard form, as CPUs with all these features have it (CPUID
 * leaf 0xD; QEMU {@code target/i386/cpu.h}, X86XSaveArea). Little-endian.
 *
 * <pre>
 *     0 fcw u16, fsw u16, ftw u8 (bit i: R<i>i</i> is in use), pad, fop u16, fip u64, fdp u64,
 *       mxcsr u32, mxcsr_mask u32
 *    32 8 * { st(i) 10 bytes, pad 6 }          160 16 * xmm, 16 bytes
 *   464 XCR0 (put there by Linux in core files: debuggers learn from it what follows)
 *   512 XSTATE_BV u64, XCOMP_BV u64 = 0        576 16 * upper half of ymm, 16 bytes
 *   960 4 * bnd, 16 bytes                     1024 bndcfgu u64, bndstatus u64
 *  1088 8 * k u64                             1152 16 * upper half of zmm0-15, 32 bytes
 *  1664 zmm16-31, 64 bytes                    2688 pkru u32
 *  2752 XTILECFG 64 bytes                     2816 XTILEDATA: 8 tmm, 1024 bytes
 * </pre>
 *
 * <p>XSTATE_BV of the image says that all components in it are there. What the snapshot has is of
 * no use to a reader: TCG leaves 0, and a component that is not marked counts as zeros.
 */
public final class XsaveArea {
  /** Bytes of the part that FXSAVE writes. */
  public static final int LEGACY = 512;

  private static final int XMM_END = 416;
  private static final int XCR0_AT = 464;
  private static final int XSTATE_BV_AT = 512;
  private static final int MXCSR_MASK_AT = 28;
  private static final int MXCSR_MASK = 0xffff;

  private static final long X87_SSE = 3;

  /** {bit of XCR0, end of its component}, by offset. */
  private static final int[][] ENDS = {
    {1, 576},
    {2, 832},
    {3, 1024},
    {4, 1088},
    {5, 1152},
    {6, 1664},
    {7, 2688},
    {9, 2696},
    {17, 2816},
    {18, 11008}
  };

  /** All values in it, by offset. */
  public static final List<Slot> SLOTS = slots();

  /**
   * Where a register, or a piece of one, stands in the image.
   *
   * @param offset in the image
   * @param bytes how many
   * @param register its name in {@link X86Cpu}
   * @param bit the register's bit that is the lowest of the piece
   */
  public record Slot(int offset, int bytes, String register, int bit) {
    /** The register with this piece of it taken from an image. */
    public BigInteger in(byte[] image, Register register) {
      BigInteger mask = BigInteger.ONE.shiftLeft(bytes * 8).subtract(BigInteger.ONE);
      return register.whole().andNot(mask.shiftLeft(bit)).or(piece(image).shiftLeft(bit));
    }

    /** The piece as an image has it. */
    public BigInteger piece(byte[] image) {
      byte[] big = new byte[bytes];
      for (int i = 0; i < bytes; i++) {
        big[i] = image[offset + bytes - 1 - i];
      }
      return new BigInteger(1, big);
    }

    /** Puts the piece into an image. */
    public void put(byte[] image, Register register) {
      byte[] big = register.whole().shiftRight(bit).toByteArray();
      for (int i = 0; i < Math.min(bytes, big.length); i++) {
        image[offset + i] = big[big.length - 1 - i];
      }
    }
  }

  private XsaveArea() {}

  private static List<Slot> slots() {
    List<Slot> slots = new ArrayList<>();
    slots.add(new Slot(0, 2, "fctrl", 0));
    slots.add(new Slot(2, 2, "fstat", 0));
    slots.add(new Slot(4, 1, "ftag", 0));
    slots.add(new Slot(6, 2, "fop", 0));
    slots.add(new Slot(8, 8, "fip", 0));
    slots.add(new Slot(16, 8, "fdp", 0));
    slots.add(new Slot(24, 4, "mxcsr", 0));
    add(slots, 32, 16, 10, 8, "st", 0);
    add(slots, 160, 16, 16, 16, "xmm", 0);
    add(slots, 576, 16, 16, 16, "ymm", 128);
    add(slots, 960, 16, 16, 4, "bnd", 0);
    slots.add(new Slot(1024, 8, "bndcfgu", 0));
    slots.add(new Slot(1032, 8, "bndstatus", 0));
    add(slots, 1088, 8, 8, 8, "k", 0);
    add(slots, 1152, 32, 32, 16, "zmm", 256);
    for (int i = 0; i < 16; i++) {
      slots.add(new Slot(1664 + 64 * i, 64, "zmm" + (16 + i), 0));
    }
    slots.add(new Slot(2688, 4, "pkru", 0));
    slots.add(new Slot(2752, 64, "xtilecfg", 0));
    add(slots, 2816, 1024, 1024, 8, "tmm", 0);
    return List.copyOf(slots);
  }

  /**
   * The XCR0 bit of the component that a byte belongs to; -1 in the header. MXCSR counts as SSE's:
   * Linux takes it when x87, SSE or AVX is marked ({@code copy_uabi_to_xstate}).
   */
  public static int componentAt(int offset) {
    if (offset < LEGACY) {
      return offset < 24 || offset >= 32 && offset < 160 ? 0 : offset < XMM_END ? 1 : -1;
    }
    for (int[] end : ENDS) {
      if (offset < end[1]) {
        return end[0] == 1 ? -1 : end[0];
      }
    }
    return -1;
  }

  private static void add(
      List<Slot> slots, int at, int step, int bytes, int count, String name, int bit) {
    for (int i = 0; i < count; i++) {
      slots.add(new Slot(at + step * i, bytes, name + i, bit));
    }
  }

  /** Components in use or enabled, by their bits in XCR0. */
  public static long components(X86Cpu cpu) {
    return X87_SSE | number(cpu, "xcr0") | number(cpu, "xstate_bv");
  }

  private static long number(X86Cpu cpu, String register) {
    return cpu.find(register).map(Register::value).orElse(0L);
  }

  /**
   * The image, as long as what the guest has enabled, or uses: KVM on a host without VMX runs user
   * code that uses AVX while XCR0 has it off. Empty when the FPU's state is not known.
   */
  public static Optional<byte[]> of(X86Cpu cpu) {
    if (cpu.find("fctrl").isEmpty() || cpu.find("xmm0").isEmpty()) {
      return Optional.empty();
    }
    long enabled = components(cpu);
    int size = 0;
    long known = X87_SSE;
    for (int[] end : ENDS) {
      if ((enabled >>> end[0] & 1) != 0) {
        size = end[1];
        known |= 1L << end[0];
      }
    }
    byte[] image = new byte[size];
    for (Slot slot : SLOTS) {
      if (slot.offset() + slot.bytes() <= size) {
        cpu.find(slot.register()).ifPresent(register -> slot.put(image, register));
      }
    }
    number(image, MXCSR_MASK_AT, 4, MXCSR_MASK);
    number(image, XCR0_AT, 8, known);
    number(image, XSTATE_BV_AT, 8, known);
    return Optional.of(image);
  }

  private static void number(byte[] image, int at, int bytes, long value) {
    for (int i = 0; i < bytes; i++) {
      image[at + i] = (byte) (value >>> 8 * i);
    }
  }
}
