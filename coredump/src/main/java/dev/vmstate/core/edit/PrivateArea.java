package dev.vmstate.core.edit;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;

/**
 * What a driver keeps behind its {@code struct net_device}, in the same piece of memory: {@code
 * netdev_priv}. Its length is written down since 6.11 ({@code priv_len}); before it is as long as
 * the piece that kmalloc gave, which is zero behind what was asked for.
 *
 * @param start virtual address
 * @param bytes length
 */
record PrivateArea(long start, int bytes) {
  /** Real ones have some KiB. */
  private static final long MOST_BYTES = 1 << 20;

  /** NETDEV_ALIGN, while there was one. */
  private static final long ALIGNMENT = 32;

  private static final int PAGE = 4096;

  /** Of that interface; empty ({@code bytes} 0) when it is not known how long it is. */
  static PrivateArea of(KernelObject device) throws IOException {
    KernelObjects objects = device.objects();
    if (device.has("priv_len")) {
      long bytes = device.number("priv_len");
      return new PrivateArea(device.at("priv"), (int) (bytes > MOST_BYTES ? 0 : bytes));
    }
    OptionalLong size = objects.types().size("net_device");
    if (size.isEmpty()) {
      return new PrivateArea(device.address(), 0);
    }
    long start = device.address() + (size.getAsLong() + ALIGNMENT - 1 & -ALIGNMENT);
    long piece = device.address() - (device.has("padded") ? device.number("padded") : 0);
    long end = piece + pieceBytes(objects, piece);
    long bytes = end - start;
    return new PrivateArea(start, bytes < 0 || bytes > MOST_BYTES ? 0 : (int) bytes);
  }

  /**
   * Bytes of the piece that starts at {@code at}. What kmalloc gives of more than half a page is
   * aligned to its own size, so one page of it is certain.
   */
  private static long pieceBytes(KernelObjects objects, long at) throws IOException {
    long certain = at % PAGE == 0 ? PAGE : 0;
    try {
      return Math.max(certain, new KmallocPiece(objects).bytes(at));
    } catch (UnmappedAddressException broken) {
      return certain;
    }
  }

  /** Offsets at which these bytes stand. */
  List<Integer> find(KernelMemory memory, byte[] wanted) throws IOException {
    List<Integer> found = new ArrayList<>();
    byte[] all;
    try {
      all = memory.bytes(start, bytes);
    } catch (UnmappedAddressException broken) {
      return found;
    }
    for (int i = 0; i + wanted.length <= all.length; i++) {
      if (Arrays.equals(all, i, i + wanted.length, wanted, 0, wanted.length)) {
        found.add(i);
      }
    }
    return found;
  }
}
