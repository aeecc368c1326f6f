package dev.vmstate.core.kernel;

import dev.vmstate.core.paging.PageTables;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where a kernel's own code and data are mapped. There may be holes: Linux unmaps what only its
 * start needed.
 *
 * @param memory by virtual address, as the running kernel maps it
 * @param start first virtual address of the image; {@code _text}, on Linux
 * @param end behind the last mapped page of it; up to 32 MiB behind its constants on 32-bit Linux
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

  /** Where a 32-bit kernel's memory begins; {@code CONFIG_PAGE_OFFSET} and its alternatives. */
  static final List<Long> PAGE_OFFSETS_32 =
      List.of(0xc000_0000L, 0xb000_0000L, 0x8000_0000L, 0x7800_0000L, 0x4000_0000L);

  /** KERNEL_IMAGE_SIZE of a 32-bit kernel: it is not moved further. */
  private static final long REGION_32 = 512L << 20;

  /** A text segment has at least that much. */
  private static final long LEAST_TEXT = 1L << 20;

  /** Data, what is freed after the start, and bss of a 32-bit kernel, with room. */
  private static final long REST_32 = 32L << 20;

  /** The image of a 64-bit Linux, where these tables map one. */
  public static Optional<KernelImage> ofLinux64(KernelMemory memory) throws IOException {
    if (memory.wordBytes() != 8) {
      return Optional.empty();
    }
    PageTables tables = memory.tables();
    long limit = START_KERNEL_MAP + REGION_BYTES;
    OptionalLong first = tables.nextMapped(START_KERNEL_MAP, limit);
    if (first.isEmpty()) {
      return Optional.empty();
    }
    long end = first.getAsLong();
    for (long at = end; at < limit; ) {
      PageTables.Reach reach = tables.reach(at);
      at += reach.bytes();
      if (reach.mapped()) {
        end = at;
      } else if (at - end > MOST_HOLE) {
        break;
      }
    }
    return Optional.of(
        new KernelImage(memory, first.getAsLong() & -ALIGNMENT, Math.min(end, limit)));
  }

  /**
   * The image of a 32-bit Linux. It lies in the mapping of all low memory, so only rights tell
   * where it begins: of that mapping nothing but code and constants is read-only ({@code
   * arch/x86/mm/init_32.c}, mark_rodata_ro), in one piece. Where it ends they do not tell: {@link
   * #end} is generous.
   */
  public static Optional<KernelImage> ofLinux32(KernelMemory memory) throws IOException {
    if (memory.wordBytes() != 4) {
      return Optional.empty();
    }
    PageTables tables = memory.tables();
    for (long offset : PAGE_OFFSETS_32) {
      OptionalLong low = tables.translate(offset + (1 << 20));
      if (low.isEmpty() || low.getAsLong() != 1 << 20) {
        continue;
      }
      long start = 0;
      long at = offset + (1 << 20);
      long limit = Math.min(offset + REGION_32, 1L << 32);
      while (at < limit) {
        PageTables.Reach reach = tables.reach(at);
        boolean constant = reach.mapped() && !reach.writable() && reach.physical() == at - offset;
        if (constant) {
          start = start == 0 ? at : start;
        } else if (start != 0 && at - start >= LEAST_TEXT) {
          return Optional.of(new KernelImage(memory, start, end32(tables, offset, at)));
        } else {
          start = 0;
        }
        at += reach.bytes();
      }
    }
    return Optional.empty();
  }

  private static long end32(PageTables tables, long offset, long from) throws IOException {
    long end = from;
    while (end < from + REST_32) {
      PageTables.Reach reach = tables.reach(end);
      if (!reach.mapped() || reach.physical() != end - offset) {
        break;
      }
      end += reach.bytes();
    }
    return Math.min(end, from + REST_32);
  }

  /** Guest-physical address of {@link #start}, or of the first page of it that is mapped. */
  long physicalStart() throws IOException {
    PageTables tables = memory.tables();
    long first = tables.nextMapped(start, end).orElse(start);
    return tables.translate(first).orElse(0) - (first - start);
  }

  /** Bytes from {@link #start} to {@link #end}. */
  public long bytes() {
    return end - start;
  }
}
