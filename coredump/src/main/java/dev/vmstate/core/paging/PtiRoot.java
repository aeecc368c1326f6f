package dev.vmstate.core.paging;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The kernel's table behind a user copy. With page-table isolation Linux runs user code on a second
 * top table, one page above the kernel's (bit 12 of CR3, PTI_USER_PGTABLE_BIT in {@code
 * arch/x86/entry/calling.h}), whose kernel half holds little more than the entry code. A CPU
 * stopped in user code would give a core without a kernel.
 *
 * <p>Bit 12 alone proves nothing: half of all tables have it set. So the page below must map more
 * of the kernel half, and every low-half entry of the copy must point where the kernel's entry does
 * (it is the same entry but for the no-execute bit). 32-bit PTI is left alone.
 */
final class PtiRoot {
  private static final long USER_COPY = 0x1000;

  private PtiRoot() {}

  static long kernelRoot(GuestMemory memory, PagingMode mode, long root) throws IOException {
    if (!mode.hasKernelHalf() || (root & USER_COPY) == 0) {
      return root;
    }
    ByteBuffer pair = ByteBuffer.allocate(2 * PagingMode.PAGE).order(ByteOrder.LITTLE_ENDIAN);
    try {
      memory.readPhysical(root - USER_COPY, pair);
    } catch (UnmappedAddressException outside) {
      return root;
    }
    int top = mode.levels();
    int shared = 0;
    int kernel = 0;
    int copied = 0;
    for (int i = 0; i < 512; i++) {
      long own = pair.getLong(8 * i);
      long copy = pair.getLong(PagingMode.PAGE + 8 * i);
      boolean copyPresent = (copy & PagingMode.PRESENT) != 0;
      if (i >= 256) {
        kernel += (own & PagingMode.PRESENT) != 0 ? 1 : 0;
        copied += copyPresent ? 1 : 0;
      } else if (copyPresent) {
        if ((own & PagingMode.PRESENT) == 0 || mode.target(own, top) != mode.target(copy, top)) {
          return root;
        }
        shared++;
      }
    }
    return shared > 0 && kernel > copied ? root - USER_COPY : root;
  }
}
