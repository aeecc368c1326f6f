package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.NoSuchMemberException;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.OptionalLong;

/**
 * The {@code struct page} of each frame of guest memory, in one array by frame number: vmemmap of
 * x86-64, mem_map of i386. A {@code struct folio} lies at the address of its first page's.
 */
public final class PageFrames {
  private static final int SHIFT = 12;

  /** {@code PAGE_MAPPING_ANON}, {@code FOLIO_MAPPING_ANON}. */
  private static final long ANONYMOUS = 1;

  /** A folio of a gigabyte, the largest there is. */
  private static final long MOST_IN_FOLIO = 1 << 18;

  private final KernelObjects objects;
  private final long base;
  private final long bytes;
  private final String indexType;
  private final String index;
  private final long locked;
  private final long uptodate;

  /**
   * Those of a kernel.
   *
   * @throws NoSuchMemberException when it does not say where they are
   */
  public PageFrames(KernelObjects objects) throws IOException {
    this.objects = objects;
    this.base = base(objects);
    this.bytes = objects.types().size("page").orElse(0);
    if (bytes < 16 || bytes > 4096) {
      objects.at("page", 0).at("flags");
      throw new IOException("struct page has %d bytes".formatted(bytes));
    }
    // Until 6.16 a page has its index itself; 5.10 has no folios.
    boolean folio = objects.at("folio", 0).has("index");
    this.indexType = folio ? "folio" : "page";
    this.index = "index";
    this.locked = 1L << objects.types().enumerator("PG_locked").orElse(0);
    this.uptodate = 1L << objects.types().enumerator("PG_uptodate").orElse(2);
  }

  private static long base(KernelObjects objects) throws IOException {
    for (String name : new String[] {"vmemmap_base", "mem_map"}) {
      OptionalLong symbol = objects.address(name);
      if (symbol.isPresent()) {
        return objects.memory().word(symbol.getAsLong());
      }
    }
    OptionalLong found = objects.kernel().vmemmapBase();
    return found.isPresent() ? found.getAsLong() : objects.needed("vmemmap_base");
  }

  /** Guest-physical address of a page's frame; empty when no page can be there. */
  public OptionalLong physical(long page) {
    long distance = page - base;
    return distance < 0 || distance % bytes != 0 || distance / bytes >= 1L << 52 - SHIFT
        ? OptionalLong.empty()
        : OptionalLong.of(distance / bytes << SHIFT);
  }

  /** The {@code struct page} of a frame. */
  public KernelObject at(long physical) {
    return objects.at("page", base + (physical >>> SHIFT) * bytes);
  }

  /**
   * The frame of the page with a number in its file.
   *
   * @param entry the page cache's entry: the page, or the first page of a larger folio
   * @param first number of the first page the entry stands for
   * @param wanted the page's
   * @return empty when nothing, or nothing whole, is there
   */
  OptionalLong frame(long entry, long first, long wanted) throws IOException {
    OptionalLong head = physical(entry);
    if (head.isEmpty()) {
      return head;
    }
    try {
      KernelObject page = objects.at(indexType, entry);
      if ((page.as("page").number("flags") & uptodate) == 0) {
        return OptionalLong.empty();
      }
      // Until 5.17 each page of a folio has an entry of its own, and all lead to the first one.
      long into = wanted - page.number(index);
      if (into < 0 || into >= MOST_IN_FOLIO) {
        into = wanted - first;
      }
      return OptionalLong.of(head.getAsLong() + (into << SHIFT));
    } catch (UnmappedAddressException outside) {
      return OptionalLong.empty();
    }
  }

  /** Whether somebody has locked the page, as who moves it must. */
  boolean locked(long physical) throws IOException {
    try {
      return (at(physical).number("flags") & locked) != 0;
    } catch (UnmappedAddressException outside) {
      return false;
    }
  }

  /**
   * Who has a page.
   *
   * @param anonymous whether no file has it: memory of processes, shared after a fork until one
   *     writes to it
   * @param mappings how many page table entries lead to it; for a folio of many pages, those that
   *     lead to any of it where the kernel does not count more exactly
   */
  public record Users(boolean anonymous, long mappings) {}

  /** Who has the page at a guest-physical address. */
  public Users users(long physical) throws IOException {
    KernelObject page = at(physical);
    KernelObject head = head(page);
    boolean anonymous = (head.number("mapping") & ANONYMOUS) != 0;
    long own = page.signed("_mapcount") + 1;
    if (head.address() == page.address() && !isHead(page)) {
      return new Users(anonymous, Math.max(0, own));
    }
    KernelObject folio = head.as("folio");
    if (folio.has("_large_mapcount")) {
      return new Users(anonymous, Math.max(0, folio.signed("_large_mapcount") + 1));
    }
    long entire = 0;
    if (folio.has("_entire_mapcount")) {
      entire = folio.signed("_entire_mapcount") + 1;
    } else if (page.has("compound_mapcount")) {
      entire = objects.at("page", head.address() + bytes).signed("compound_mapcount") + 1;
    }
    return new Users(anonymous, Math.max(0, own) + Math.max(0, entire));
  }

  private boolean isHead(KernelObject page) throws IOException {
    OptionalLong bit = objects.types().enumerator("PG_head");
    return bit.isPresent() && (page.number("flags") >>> bit.getAsLong() & 1) != 0;
  }

  /** The first page of a folio: a tail leads to it, by its address or (7.1) by a mask for it. */
  private KernelObject head(KernelObject page) throws IOException {
    String member = page.has("compound_info") ? "compound_info" : "compound_head";
    long info = page.number(member);
    if ((info & 1) == 0) {
      return page;
    }
    long to = info & ~1L;
    boolean mask = to >>> 32 == 0xffff_ffffL;
    return objects.at("page", mask ? page.address() & to : to);
  }
}
