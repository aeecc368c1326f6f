package dev.vmstate.core.kdump;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Where a Linux kernel keeps the {@code struct page} of a frame: one array per section of memory
 * (SPARSEMEM, with or without VMEMMAP), or one in all (FLATMEM, on i386).
 *
 * <pre>
 * SPARSEMEM          mem_section is an array of struct mem_section, by section number
 * SPARSEMEM_EXTREME  mem_section is an array of pointers to arrays that fill a page
 * section_mem_map    address of the struct page that frame 0 would have if the array went on down
 *                    to it; the low bits are flags, bit 0 says that there is an array
 * </pre>
 *
 * <p>How many bits are flags has grown from 2 to 6; all that time the address was a page's. Source:
 * {@code include/linux/mmzone.h}, {@code mm/sparse.c}; makedumpfile {@code get_mm_sparsemem}.
 */
final class MemMap {
  /** No struct page. */
  static final long NONE = 0;

  private static final long FLAGS = 0xfff;
  private static final long SECTION_MARKED_PRESENT = 1;
  private static final int PAGE = 4096;

  /** {@code SECTION_SIZE_BITS} of x86-64, which kernels before 5.8 do not tell. */
  private static final int SECTION_SIZE_BITS = 27;

  private static final int FLAT_SECTION_BITS = 27;

  private final KernelMemory memory;
  private final int pageBytes;
  private final long sectionFrames;
  private final long begin;
  private final long end;
  private final long flat;
  private final long roots;
  private final long rootCount;
  private final int perRoot;
  private final int sectionBytes;
  private final int mapAt;

  /** FLATMEM. */
  private MemMap(KernelMemory memory, int pageBytes, long flat, long begin, long end) {
    this.memory = memory;
    this.pageBytes = pageBytes;
    this.sectionFrames = 1L << FLAT_SECTION_BITS - 12;
    this.begin = begin;
    this.end = end;
    this.flat = flat;
    this.roots = 0;
    this.rootCount = 0;
    this.perRoot = 0;
    this.sectionBytes = 0;
    this.mapAt = 0;
  }

  /** SPARSEMEM. */
  private MemMap(KernelMemory memory, FilterFacts facts, int pageBytes) throws IOException {
    this.memory = memory;
    this.pageBytes = pageBytes;
    this.begin = 0;
    this.end = Long.MAX_VALUE;
    this.flat = NONE;
    this.roots = facts.get("SYMBOL(mem_section)");
    this.sectionBytes = facts.get("SIZE(mem_section)", 4, PAGE);
    this.mapAt = facts.get("OFFSET(mem_section.section_mem_map)", 0, sectionBytes);
    int bits = SECTION_SIZE_BITS;
    if (memory.wordBytes() != 8 || facts.find("NUMBER(SECTION_SIZE_BITS)").isPresent()) {
      bits = facts.get("NUMBER(SECTION_SIZE_BITS)", 20, 40);
    }
    this.sectionFrames = 1L << bits - 12;
    long physical = facts.find("NUMBER(MAX_PHYSMEM_BITS)").orElse(maxPhysmemBits(facts));
    long sections = physical > bits && physical < 64 ? 1L << physical - bits : 1;
    int fit = PAGE / sectionBytes;
    long length = facts.find("LENGTH(mem_section)").orElse((sections + fit - 1) / fit);
    boolean extreme = length == (sections + fit - 1) / fit;
    this.rootCount = length;
    this.perRoot = extreme ? fit : 0;
  }

  private static long maxPhysmemBits(FilterFacts facts) {
    return facts.find("NUMBER(pgtable_l5_enabled)").orElse(0) == 1 ? 52 : 46;
  }

  /** What VMCOREINFO says of it. */
  static MemMap of(KernelMemory memory, FilterFacts facts, int pageBytes) throws IOException {
    if (facts.find("SYMBOL(mem_section)").isPresent()) {
      return new MemMap(memory, facts, pageBytes);
    }
    if (facts.find("SYMBOL(mem_map)").isEmpty()) {
      throw facts.missing("SYMBOL(mem_section) and no SYMBOL(mem_map)");
    }
    // Behind the array there is other memory, so its length matters.
    long node = facts.get("SYMBOL(contig_page_data)");
    try {
      long begin = memory.word(node + facts.get("OFFSET(pglist_data.node_start_pfn)"));
      long frames = memory.word(node + facts.get("OFFSET(pglist_data.node_spanned_pages)"));
      long array = memory.word(facts.get("SYMBOL(mem_map)"));
      return new MemMap(memory, pageBytes, array, begin, begin + frames);
    } catch (UnmappedAddressException e) {
      throw facts.missing("mem_map that its page tables map");
    }
  }

  /** Frames of a section, a power of two. */
  long sectionFrames() {
    return sectionFrames;
  }

  /** The first frame that can have a struct page. */
  long begin() {
    return begin;
  }

  /** Behind the last frame that can have one. */
  long end() {
    return end;
  }

  /** Where the array of a section starts, or {@link #NONE}. */
  long array(long section) throws IOException {
    if (flat != NONE) {
      return flat + section * sectionFrames * pageBytes;
    }
    long entry;
    try {
      if (perRoot == 0) {
        if (section >= rootCount) {
          return NONE;
        }
        entry = roots + section * sectionBytes;
      } else {
        if (section / perRoot >= rootCount) {
          return NONE;
        }
        long root = memory.word(roots + section / perRoot * memory.wordBytes());
        if (root == 0) {
          return NONE;
        }
        entry = root + section % perRoot * sectionBytes;
      }
      long map = memory.word(entry + mapAt);
      if ((map & SECTION_MARKED_PRESENT) == 0) {
        return NONE;
      }
      long array = (map & ~FLAGS) + section * sectionFrames * pageBytes;
      return memory.wordBytes() == 8 ? array : array & 0xffff_ffffL;
    } catch (UnmappedAddressException e) {
      return NONE;
    }
  }

  /**
   * Reads struct pages; in runs of pages that are neighbours in RAM, not page by page.
   *
   * @return how many bytes there were, up to the first that is not mapped
   */
  int read(long virtual, byte[] into, int length) throws IOException {
    int done = 0;
    while (done < length) {
      long at = virtual + done;
      long physical = memory.translate(at).orElse(-1);
      long most = physical < 0 ? 0 : ramFrom(physical);
      int run = (int) Math.min(PAGE - (at & PAGE - 1), length - done);
      while (run < most
          && done + run < length
          && memory.translate(at + run).orElse(-1) == physical + run) {
        run = Math.min(run + PAGE, length - done);
      }
      run = (int) Math.min(run, most);
      if (run == 0) {
        return done;
      }
      memory.physical().readPhysical(physical, ByteBuffer.wrap(into, done, run));
      done += run;
    }
    return done;
  }

  private long ramFrom(long physical) {
    return memory.physical().map().at(physical).map(range -> range.end() - physical).orElse(0L);
  }
}
