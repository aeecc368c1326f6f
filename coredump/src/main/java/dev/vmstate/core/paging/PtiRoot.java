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
 * (it is the same entry but for the no-execute bit). 32-bit PTI, which there is with PAE alone, has
 * its copy in the next page too ({@code arch/x86/mm/pgtable.c}, PGD_ALLOCATION_ORDER); of its four
 * entries three are the user's, and the kernel's last one points to a table of its own.
 */
final class PtiRoot {
  private static final long USER_COPY = 0x1000;

  private PtiRoot() {}

  static long kernelRoot(GuestMemory memory, PagingMode mode, long root) throws IOException {
    if (mode == PagingMode.PAE && (root & 0xfff) == 0 && (root & USER_COPY) != 0) {
      return kernelRootPae(memory, root);
    }
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

  private static long kernelRootPae(GuestMemory memory, long root) throws IOException {
    ByteBuffer own = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer copy = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
    try {
      memory.readPhysical(root - USER_COPY, own);
      memory.readPhysical(root, copy);
    } catch (UnmappedAddressException outside) {
      return root;
    }
    int shared = 0;
    for (int i = 0; i < 3; i++) {
      if ((copy.getLong(8 * i) & PagingMode.PRESENT) != 0) {
        if (own.getLong(8 * i) != copy.getLong(8 * i)) {
          return root;
        }
        shared++;
      }
    }
    boolean apart =
        (own.getLong(24) & copy.getLong(24) & PagingMode.PRESENT) != 0
            && own.getLong(24) != copy.getLong(24);
    return shared > 0 && apart ? root - USER_COPY : root;
  }
}
