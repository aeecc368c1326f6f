package dev.vmstate.core.process;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.OptionalLong;

/**
 * The FPU and vector registers of a thread, as XSAVE, XSAVES or FXSAVE left them in memory, and the
 * notes of them. Source of what is copied and what is made up: {@code
 * arch/x86/kernel/fpu/xstate.c}, copy_xstate_to_uabi_buf.
 *
 * <pre>
 * 0 x87 without MXCSR   24 MXCSR, mask   32 ST, 128 bytes   160 XMM, 256 bytes   464 software's
 * 512 XSTATE_BV u64, XCOMP_BV u64 (bit 63: compacted)       576 other components
 * </pre>
 *
 * A component whose bit is not set in XSTATE_BV was not written: its registers are as at reset,
 * whatever stands there. MXCSR goes with SSE and AVX.
 */
final class Xstate {
  private static final int MXCSR = 24;
  private static final int ST = 32;
  private static final int XMM = 160;
  private static final int PADDING = 416;
  private static final int SOFTWARE = 464;
  private static final int XSTATE_BV = 512;
  private static final int XCOMP_BV = 520;
  private static final long X87 = 1;
  private static final long SSE = 2;
  private static final long YMM = 4;
  private static final int PKRU = 9;
  private static final int CET_USER = 11;

  private final XstateLayout layout;
  private final ByteBuffer image;
  private final XstateLayout.Table offsets;

  /**
   * Over an image.
   *
   * @param image at least the 512 bytes of FXSAVE
   * @param offsets of the components in it, when it is not compacted
   */
  Xstate(XstateLayout layout, byte[] image, XstateLayout.Table offsets) {
    this.layout = layout;
    this.image = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
    this.offsets = offsets;
  }

  /** NT_PRFPREG of x86-64, and NT_PRXFPREG of i386: what FXSAVE writes. */
  byte[] fxsave() {
    if (layout.size() == 0) {
      byte[] all = new byte[XstateLayout.LEGACY];
      image.get(0, all);
      return all;
    }
    ByteBuffer out = allocate(XstateLayout.LEGACY);
    legacy(out, bv() & (X87 | SSE));
    return out.array();
  }

  /**
   * NT_X86_XSTATE.
   *
   * @param mask components the thread may have
   * @param pkru the protection keys; Linux keeps them elsewhere since 5.14
   */
  byte[] xsave(long mask, OptionalLong pkru) {
    ByteBuffer out = allocate(layout.size());
    long bv = bv() & mask;
    legacy(out, bv);
    out.put(SOFTWARE, layout.software(), 0, layout.software().capacity());
    out.putLong(XSTATE_BV, bv);
    for (int i = 2; i < XstateLayout.FEATURES; i++) {
      int at = layout.offsets().get(i);
      int bytes = layout.sizes().get(i);
      if ((mask >>> i & 1) == 0 || at < XstateLayout.HEADER_END || at > out.capacity() - bytes) {
        continue;
      }
      if (i == PKRU && pkru.isPresent()) {
        out.putInt(at, (int) pkru.getAsLong());
      } else if ((bv >>> i & 1) != 0) {
        component(i, out, at, bytes);
      }
    }
    return out.array();
  }

  /** SSP of user mode, 0 where it was not saved. */
  long shadowStack() {
    ByteBuffer state = allocate(16);
    if ((bv() >>> CET_USER & 1) != 0) {
      component(CET_USER, state, 0, 16);
    }
    return state.getLong(8);
  }

  private static ByteBuffer allocate(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private long bv() {
    return image.capacity() < XstateLayout.HEADER_END ? X87 | SSE : image.getLong(XSTATE_BV);
  }

  /** What MXCSR's place has when neither SSE nor AVX was saved is its value at reset. */
  private void legacy(ByteBuffer out, long bv) {
    copy(out, 0, MXCSR, (bv & X87) != 0);
    copy(out, MXCSR, ST, (bv & (SSE | YMM)) != 0);
    copy(out, ST, XMM, (bv & X87) != 0);
    copy(out, XMM, PADDING, (bv & SSE) != 0);
  }

  private void copy(ByteBuffer out, int from, int to, boolean saved) {
    out.put(from, saved ? image : layout.initial(), from, to - from);
  }

  private void component(int feature, ByteBuffer out, int at, int bytes) {
    long xcompBv = image.getLong(XCOMP_BV);
    int from = xcompBv < 0 ? layout.compacted(feature, xcompBv) : offsets.get(feature);
    if (from >= XstateLayout.HEADER_END && from <= image.capacity() - bytes) {
      out.put(at, image, from, bytes);
    }
  }
}
