package dev.vmstate.core.kallsyms;

import dev.vmstate.core.kernel.KernelImage;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Large pieces of a kernel's image. Holes (what was freed after the start) read as zeros, of which
 * no table of {@code kallsyms} consists.
 */
final class ImageBytes {
  private static final int PAGE = 4096;
  private final KernelMemory memory;
  private final long start;
  private final long bytes;

  ImageBytes(KernelImage image) {
    memory = image.memory();
    start = image.start();
    bytes = Math.max(0, image.bytes());
  }

  /** Bytes of a pointer. */
  int wordBytes() {
    return memory.wordBytes();
  }

  long start() {
    return start;
  }

  long length() {
    return bytes;
  }

  /** The virtual address of a byte of the image, counted from its start. */
  long virtual(long offset) {
    return start + offset;
  }

  /** {@code count} bytes from {@code offset} on, both inside the image. */
  byte[] read(long offset, int count) throws IOException {
    byte[] into = new byte[count];
    read(offset, into, 0, count);
    return into;
  }

  /** {@code count} bytes from {@code offset} on, to {@code into[at]} and behind it. */
  void read(long offset, byte[] into, int at, int count) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(into, at, count);
    while (buffer.hasRemaining()) {
      try {
        memory.read(start + offset + (buffer.position() - at), buffer);
      } catch (UnmappedAddressException noRam) {
        // A page at least: what is mapped need not be RAM.
        long hole = start + offset + (buffer.position() - at);
        long end = hole + buffer.remaining();
        long next = memory.tables().nextMapped(hole, end).orElse(end);
        long zeros = Math.max(next - hole, PAGE - (hole & (PAGE - 1)));
        int from = buffer.position();
        int to = (int) Math.min(from + zeros, buffer.limit());
        Arrays.fill(into, from, to, (byte) 0);
        buffer.position(to);
      }
    }
  }
}
