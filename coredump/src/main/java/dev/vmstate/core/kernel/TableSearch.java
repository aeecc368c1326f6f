package dev.vmstate.core.kernel;

import dev.vmstate.core.paging.PageTables;
import dev.vmstate.core.paging.PagingMode;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Looks for a kernel's page tables in all of RAM, in one pass, for a guest none of whose CPUs uses
 * them: firmware runs, or the start of another kernel.
 *
 * <p>A VMCOREINFO names the table; without one, a top table is known by what it leads to. Either is
 * only a candidate, which has to map itself: the tables of a guest's guest lie in other physical
 * addresses than they say, and of a kernel that is gone some page has been used again.
 */
final class TableSearch {
  private static final int PAGE = 4096;
  private static final int STEP = 1 << 20;

  /** Kernels leave one table each that all their processes' tables share. */
  private static final int MOST = 32;

  /** Entries looked at for what turned out to be none: RAM can be made of tables. */
  private static final long MOST_STEPS = 1 << 25;

  /** A kernel's own tables are in its data: that far behind its start at most. */
  private static final long IMAGE = 256L << 20;

  private static final long PRESENT = 1;
  private static final long LARGE = 0x80;
  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;
  private static final long PAGE_OFFSET_32 = 0xc000_0000L;

  /** Where low memory ends at the latest: vmalloc's reserve is behind it. */
  private static final long LOW_32 = 0x3800_0000L;

  private final GuestMemory memory;
  private final Map<Key, Candidate> named = new LinkedHashMap<>();
  private final Map<Key, Candidate> shaped = new LinkedHashMap<>();
  private long steps;

  /** What makes two top tables the same kernel's. */
  private record Key(PagingMode mode, long shared) {}

  /**
   * Tables that may be a kernel's.
   *
   * @param how it was found, for people
   * @param own guest-physical address of a table that a kernel has in its image
   */
  record Candidate(PageTables tables, String how, long own, boolean empty) {
    /** Whether the table lies in the image that it maps. */
    boolean agrees(KernelImage image) throws IOException {
      if (!tables.mode().hasKernelHalf()) {
        return true; // it was found by what it maps at its own place
      }
      long start = image.physicalStart();
      return own >= start && own < start + image.bytes();
    }
  }

  private TableSearch(GuestMemory memory) {
    this.memory = memory;
  }

  /** The candidates, those that a VMCOREINFO names first. */
  static List<Candidate> in(GuestMemory memory) throws IOException {
    TableSearch search = new TableSearch(memory);
    ByteBuffer bytes = ByteBuffer.allocate(STEP).order(ByteOrder.LITTLE_ENDIAN);
    for (MemoryMap.Range range : memory.map().ranges()) {
      for (long at = range.start() + PAGE - 1 & -PAGE; at + PAGE <= range.end(); at += STEP) {
        int length = (int) Math.min(STEP, range.end() - at & -PAGE);
        if (memory.isZero(range.block(), range.offset() + (at - range.start()), length)) {
          continue;
        }
        memory.readPhysical(at, bytes.clear().limit(length));
        for (int page = 0; page < length; page += PAGE) {
          search.page(at + page, bytes, page);
        }
      }
    }
    List<Candidate> all = new ArrayList<>(search.named.values());
    all.addAll(search.shaped.values());
    return all;
  }

  private void page(long address, ByteBuffer bytes, int from) throws IOException {
    KernelHint.at(bytes, from).ifPresent(this::add);
    if (shaped.size() >= MOST || steps > MOST_STEPS) {
      return;
    }
    if (isTable(bytes.getLong(from + 8 * 511)) && hasOther(bytes, from)) {
      long own = bytes.getLong(from + 8 * 511) & ADDRESS;
      boolean empty = isEmpty(bytes, from, 256);
      // Which of the two it is, only the rest of the tables can say.
      for (PagingMode mode : List.of(PagingMode.LONG5, PagingMode.LONG4)) {
        shaped(mode, address, own, empty);
      }
    }
    if (address < LOW_32) {
      int index = (int) ((PAGE_OFFSET_32 + address) >>> 22);
      long last = bytes.getLong(from + 8 * 3);
      if ((last & ~ADDRESS & ~0x38) == PRESENT && isRam(last & ADDRESS)) {
        itself(PagingMode.PAE, address, last, isEmpty(bytes, from, 3));
      }
      if ((bytes.getInt(from + 4 * index) & PRESENT) != 0) {
        long shared = bytes.getInt(from + 4 * index) & 0xffff_ffffL;
        itself(PagingMode.LEGACY_PSE, address, shared, isEmpty(bytes, from, 384));
      }
    }
  }

  private boolean isTable(long entry) {
    return (entry & (PRESENT | LARGE)) == PRESENT
        && (entry & 0x7ff0_0000_0000_0000L) == 0
        && isRam(entry & ADDRESS);
  }

  private boolean isRam(long address) {
    return memory.map().at(address).isPresent();
  }

  /** The second but last level of a five-level kernel's has the last entry alone. */
  private boolean hasOther(ByteBuffer bytes, int from) {
    for (int i = 256; i < 511; i++) {
      if (isTable(bytes.getLong(from + 8 * i))) {
        return true;
      }
    }
    return false;
  }

  private static boolean isEmpty(ByteBuffer bytes, int from, int words) {
    for (int i = 0; i < words; i++) {
      if (bytes.getLong(from + 8 * i) != 0) {
        return false;
      }
    }
    return true;
  }

  private void shaped(PagingMode mode, long address, long own, boolean empty) throws IOException {
    PageTables tables = new PageTables(memory, mode, address);
    long map = KernelImage.START_KERNEL_MAP;
    OptionalLong first = tables.nextMapped(map, map + (1 << 30));
    steps += tables.steps();
    if (first.isEmpty()) {
      return;
    }
    long from = own - tables.translate(first.getAsLong()).orElse(own + 1);
    if (from >= 0 && from < IMAGE) {
      put(new Key(mode, own), address, tables, own, empty);
    }
  }

  /** A 32-bit kernel maps all low memory at one distance, the table too. */
  private void itself(PagingMode mode, long address, long shared, boolean empty)
      throws IOException {
    PageTables tables = new PageTables(memory, mode, address);
    if (tables.translate(PAGE_OFFSET_32 + address).orElse(-1) == address) {
      put(new Key(mode, shared), address, tables, address, empty);
    }
  }

  /** The kernel's own table, without a process in it, rather than any other. */
  private void put(Key key, long address, PageTables tables, long own, boolean empty) {
    Candidate before = shaped.get(key);
    if (before == null || (empty && !before.empty())) {
      String how = "The page at 0x%x is a top table that maps itself.".formatted(address);
      shaped.put(key, new Candidate(tables, how, own, empty));
    }
  }

  private void add(KernelHint hint) {
    if (named.size() < MOST) {
      PageTables tables = new PageTables(memory, hint.mode(), hint.root());
      String how =
          "A VMCOREINFO of %s names the table at 0x%x.".formatted(hint.release(), hint.root());
      named.put(new Key(hint.mode(), hint.root()), new Candidate(tables, how, hint.root(), true));
    }
  }
}
