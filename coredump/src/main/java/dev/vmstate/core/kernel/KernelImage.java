package dev.vmstate.core.kernel;

import java.io.IOException;
import java.util.Optional;

/**
 * Where a kernel's own code and data are mapped. There may be holes: Linux unmaps what only its
 * start needed.
 *
 * @param memory by virtual address, as the running kernel maps it
 * @param start first virtual address of the image; {@code _text}, on Linux
 * @param end behind the last mapped page of it
 */
public record KernelImage(KernelMemory memory, long start, long end) {
  /** {@code __START_KERNEL_map}: x86-64 Linux is linked to run in the gigabyte from here on. */
  public static final long START_KERNEL_MAP = 0xffff_ffff_8000_0000L;

  /** KERNEL_IMAGE_SIZE with address space layout randomization; modules come behind it. */
  private static final long REGION_BYTES = 1L << 30;

  /** CONFIG_PHYSICAL_ALIGN is at least that much on x86-64. */
  private static final long ALIGNMENT = 2L << 20;

  /** Larger than what is freed after the start, smaller than what could be another mapping. */
  private static final long MOST_HOLE = 16L << 20;

  /** The image of a 64-bit Linux, where these tables map one. */
  public static Optional<KernelImage> ofLinux64(KernelMemory memory) throws IOException {
    if (memory.wordBytes() != 8) {
      return Optional.empty();
    }
    long start = 0;
    long end = 0;
    for (long at = 0; at < REGION_BYTES; at += ALIGNMENT) {
      long virtual = START_KERNEL_MAP + at;
      if (start != 0 && virtual - end > MOST_HOLE) {
        break;
      }
      for (long page = ALIGNMENT - 4096; page >= 0; page -= 4096) {
        if (memory.translate(virtual + page).isPresent()) {
          start = start == 0 ? virtual : start;
          end = virtual + page + 4096;
          break;
        }
      }
    }
    return start == 0 ? Optional.empty() : Optional.of(new KernelImage(memory, start, end));
  }

  /** Bytes from {@link #start} to {@link #end}. */
  public long bytes() {
    return end - start;
  }
}
