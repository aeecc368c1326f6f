package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.NoSuchMemberException;
import dev.vmstate.core.objects.XArray;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.OptionalLong;

/**
 * Pages of swap devices that are in RAM too: on their way out, or read back and not yet written to.
 *
 * <pre>
 * to 6.17   swapper_spaces[type] is an array of address_space, one for 16384 pages (64 MiB); in
 *           its XArray the number is the page's of the device, since 6.12 that in the 64 MiB
 * 6.18 on   swap_info[type]->cluster_info[page / 512].table[page % 512]: 0, a shadow (bit 0), or
 *           the folio's address; since 7.0 its frame number, with a mark and a count around it
 * </pre>
 *
 * Source: {@code mm/swap_state.c}, {@code mm/swap_table.h}.
 */
final class SwapCache {
  private static final int SPACE_SHIFT = 14;
  private static final int CLUSTER = 512;
  private static final int MOST_FILES = 32;
  private static final long FRAME_MASK = (1L << 40) - 1;

  private final KernelObjects objects;
  private final PageFrames frames;
  private final int files;

  SwapCache(KernelObjects objects, PageFrames frames) throws IOException {
    this.objects = objects;
    this.frames = frames;
    OptionalLong count = objects.address("nr_swapfiles");
    this.files =
        count.isPresent()
            ? (int) Math.min(MOST_FILES, objects.memory().u32(count.getAsLong()))
            : MOST_FILES - 9;
  }

  /** Whether entries of a type mean a device: the others have types behind those of all devices. */
  boolean isDevice(long type) {
    return type < files;
  }

  /** Guest-physical address of a device's page, empty when it is not in RAM. */
  OptionalLong find(long type, long offset) throws IOException {
    try {
      OptionalLong spaces = objects.address("swapper_spaces");
      if (!isDevice(type)) {
        return OptionalLong.empty();
      }
      return spaces.isPresent()
          ? inSpace(spaces.getAsLong(), type, offset)
          : inTable(objects.needed("swap_info"), type, offset);
    } catch (UnmappedAddressException | NoSuchMemberException unknown) {
      return OptionalLong.empty();
    }
  }

  private OptionalLong inSpace(long spaces, long type, long offset) throws IOException {
    int word = objects.memory().wordBytes();
    long array = objects.memory().word(spaces + type * word);
    long size = objects.types().size("address_space").orElse(0);
    if (array == 0 || size == 0) {
      return OptionalLong.empty();
    }
    KernelObject space = objects.at("address_space", array + (offset >>> SPACE_SHIFT) * size);
    XArray pages = new XArray(objects, space.at("i_pages"));
    for (long index : new long[] {offset, offset & (1L << SPACE_SHIFT) - 1}) {
      long entry = pages.load(index);
      if (entry != 0 && (entry & 3) == 0) {
        return inFolio(entry, offset);
      }
    }
    return OptionalLong.empty();
  }

  /** A folio in the swap cache has consecutive pages of the device, and their first number. */
  private OptionalLong inFolio(long entry, long offset) throws IOException {
    OptionalLong head = frames.physical(entry);
    KernelObject folio = objects.at("folio", entry);
    if (head.isEmpty()) {
      return head;
    }
    long first =
        folio.has("swap.val")
            ? folio.number("swap.val")
            : objects.at("page", entry).number("private");
    long into = (offset - first) & 0x1ff;
    boolean large = offset != (first & (1L << 50) - 1);
    return OptionalLong.of(head.getAsLong() + (large ? into << 12 : 0));
  }

  private OptionalLong inTable(long infos, long type, long offset) throws IOException {
    int word = objects.memory().wordBytes();
    KernelObject info = objects.at("swap_info_struct", objects.memory().word(infos + type * word));
    long size = objects.types().size("swap_cluster_info").orElse(0);
    long cluster = info.number("cluster_info");
    if (cluster == 0 || size == 0 || offset >= info.number("max")) {
      return OptionalLong.empty();
    }
    KernelObject at = objects.at("swap_cluster_info", cluster + offset / CLUSTER * size);
    long table = at.number("table");
    if (table == 0) {
      return OptionalLong.empty();
    }
    long entry = objects.memory().word(table + offset % CLUSTER * word);
    if (entry == 0 || (entry & 1) != 0) {
      return OptionalLong.empty();
    }
    return (entry & 3) == 2
        ? OptionalLong.of((entry >>> 2 & FRAME_MASK) << 12)
        : inFolio(entry, offset);
  }
}
