package dev.vmstate.core.kdump;

import dev.vmstate.bytes.Progress;
import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.paging.PageTables;
import dev.vmstate.core.paging.PagingMode;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A guest of 16 MiB of RAM, with a hole of 1 MiB at 8 MiB, whose kernel has a struct page for each
 * frame; written from the kernel's headers. Sections are of 1 MiB (256 frames), so that much fits
 * into little. Struct pages lie at 4 MiB, page tables at 0, sections' descriptors at 1 MiB.
 */
final class GuestPages {
  static final int FRAMES = 4096;
  static final int HOLE = 2048;
  static final int HOLE_END = 2304;
  static final int SECTION = 256;

  private static final long DIRECT = 0xffff_8880_0000_0000L;
  private static final long VMEMMAP = 0xffff_ea00_0000_0000L;
  private static final long LARGE = 0x83;
  private static final int ROOTS = 1 << 20;
  private static final int SECTIONS = ROOTS + 0x1000;
  private static final int ARRAYS = 4 << 20;
  private static final int FLAT = 0xc000_0000;

  final ArrayMemory ram = ArrayMemory.at(0, 8 << 20, 9 << 20, 7 << 20);
  final Map<String, String> lines = new LinkedHashMap<>();
  private final int word;
  private final int size;

  private GuestPages(int word, int size) {
    this.word = word;
    this.size = size;
    lines.put("OSRELEASE", "6.12.0-test");
    lines.put("PAGESIZE", "4096");
    lines.put("SYMBOL(_stext)", "ffffffff81000000");
    lines.put("SIZE(page)", "" + size);
    offset("page.flags", 0);
    offset("page.compound_head", word);
    offset("page.lru", word);
    offset("page.mapping", 3 * word);
    offset("page.private", 5 * word);
    offset("page._mapcount", 6 * word);
    offset("page._refcount", 6 * word + 4);
    lines.put("LENGTH(zone.free_area)", "11");
    number("PG_lru", 4);
    number("PG_private", 13);
    number("PG_swapcache", 10);
    number("PG_swapbacked", 19);
    number("PG_hwpoison", 23);
    number("PG_head_mask", 1 << 16);
    number("PAGE_BUDDY_MAPCOUNT_VALUE", -129);
    number("PAGE_OFFLINE_MAPCOUNT_VALUE", -257);
    for (int frame = 0; frame < FRAMES; frame++) {
      page(frame).mapcount(-1);
    }
  }

  void number(String name, long value) {
    lines.put("NUMBER(%s)".formatted(name), Long.toString(value));
  }

  void offset(String member, int value) {
    lines.put("OFFSET(%s)".formatted(member), Integer.toString(value));
  }

  void symbol(String name, long value) {
    lines.put("SYMBOL(%s)".formatted(name), Long.toHexString(value));
  }

  private void mapSections(boolean vmemmap, int entry) {
    ram.u64(0x1000 + 8 * (DIRECT >>> 39 & 511), 0x2000 | 3).u64(0x2000, 0x3000 | 3);
    for (int i = 0; i < 8; i++) {
      ram.u64(0x3000 + 8L * i, (long) i << 21 | LARGE);
    }
    ram.u64(0x1000 + 8 * (VMEMMAP >>> 39 & 511), 0x4000 | 3).u64(0x4000, 0x5000 | 3);
    ram.u64(0x5000, ARRAYS | LARGE);
    lines.put("SIZE(mem_section)", "" + entry);
    lines.put("OFFSET(mem_section.section_mem_map)", "0");
    number("SECTION_SIZE_BITS", 20);
    for (int section = 0; section < FRAMES / SECTION; section++) {
      long array = (vmemmap ? VMEMMAP : DIRECT + ARRAYS) + (long) section * SECTION * size;
      section(section, entry, array, vmemmap ? 0x1f : 3);
    }
    section(HOLE / SECTION, entry, 0, 0);
  }

  /** The word that says where a section's struct pages are. */
  void section(int number, int entry, long array, int flags) {
    ram.u64(SECTIONS + (long) number * entry, array - (long) number * SECTION * size | flags);
  }

  /** SPARSEMEM_EXTREME and VMEMMAP, as x86-64 kernels are: flags in five bits. */
  static GuestPages extreme() {
    GuestPages guest = new GuestPages(8, 64);
    guest.mapSections(true, 16);
    guest.ram.u64(ROOTS, DIRECT + SECTIONS);
    guest.symbol("mem_section", DIRECT + ROOTS);
    guest.lines.put("LENGTH(mem_section)", "" + (1 << 46 - 20 - 8));
    guest.number("MAX_PHYSMEM_BITS", 46);
    guest.style510();
    return guest;
  }

  /** SPARSEMEM with one array of sections, struct pages in the direct map. */
  static GuestPages classic() {
    GuestPages guest = new GuestPages(8, 64);
    guest.mapSections(false, 32);
    guest.symbol("mem_section", DIRECT + SECTIONS);
    guest.lines.put("LENGTH(mem_section)", "64");
    guest.number("MAX_PHYSMEM_BITS", 26);
    guest.style510();
    return guest;
  }

  /** FLATMEM of i386: 40 bytes of struct page, 4 MiB pages of page table. */
  static GuestPages flat() {
    GuestPages guest = new GuestPages(4, 40);
    for (int i = 0; i < 4; i++) {
      guest.ram.u32(0x1000 + 4L * (768 + i), i << 22 | (int) LARGE);
    }
    guest.symbol("mem_map", FLAT + ROOTS & 0xffff_ffffL);
    guest.symbol("contig_page_data", FLAT + SECTIONS & 0xffff_ffffL);
    guest.ram.u32(ROOTS, FLAT + ARRAYS);
    guest.offset("pglist_data.node_start_pfn", 8);
    guest.offset("pglist_data.node_spanned_pages", 16);
    guest.ram.u32(SECTIONS + 8, 1).u32(SECTIONS + 16, 3999);
    guest.style510();
    return guest;
  }

  /** Kernels up to 6.2: slab is a flag, the second struct page has bytes of its own. */
  void style510() {
    number("PG_slab", 9);
    offset("page.compound_dtor", 2 * word);
    offset("page.compound_order", 2 * word + 1);
    number("HUGETLB_PAGE_DTOR", 2);
  }

  private void noSecond() {
    lines.keySet().removeAll(List.of("OFFSET(page.compound_dtor)", "OFFSET(page.compound_order)"));
  }

  /** 6.3 to 6.5: the same as members of struct folio. */
  void style63() {
    noSecond();
    offset("folio._folio_dtor", size + 16);
    offset("folio._folio_order", size + 17);
  }

  /** 6.6 to 6.8: order and a flag in the second struct page's flags. */
  void style66() {
    noSecond();
    lines.remove("NUMBER(HUGETLB_PAGE_DTOR)");
    number("PG_hugetlb", 8);
  }

  /** 6.12: types of pages; slab is one. */
  void style612() {
    style66();
    lines.keySet().removeAll(List.of("NUMBER(PG_hugetlb)", "NUMBER(PG_slab)"));
    number("PAGE_BUDDY_MAPCOUNT_VALUE", 0xf000_0000);
    number("PAGE_OFFLINE_MAPCOUNT_VALUE", 0xf100_0000);
    number("PAGE_HUGETLB_MAPCOUNT_VALUE", 0xf400_0000);
    number("PAGE_SLAB_MAPCOUNT_VALUE", 0xf500_0000);
    number("PAGE_UNACCEPTED_MAPCOUNT_VALUE", 0xf800_0000);
  }

  /** 7.1: another name. */
  void style71() {
    style612();
    lines.put("OFFSET(page.compound_info)", lines.remove("OFFSET(page.compound_head)"));
  }

  /** The struct page of a frame. */
  final class Page {
    private final long at;

    private Page(int frame) {
      at = ARRAYS + (long) frame * size;
    }

    private Page set(int offset, long value) {
      if (word == 8) {
        ram.u64(at + offset, value);
      } else {
        ram.u32(at + offset, (int) value);
      }
      return this;
    }

    Page flags(long bits) {
      return set(0, bits);
    }

    Page mapcount(int value) {
      ram.u32(at + 6L * word, value);
      return this;
    }

    Page mapping(long value) {
      return set(3 * word, value);
    }

    Page order(long value) {
      return set(5 * word, value);
    }

    Page tail() {
      return set(word, 0xfffff001L);
    }

    /** As the second of a compound page: destructor, order. */
    Page second(int dtor, int order) {
      return tail().set(2 * word, order << 8 | dtor);
    }

    void noise(byte[] bytes) {
      ram.bytes(at, bytes);
    }
  }

  Page page(int frame) {
    return new Page(frame);
  }

  int size() {
    return size;
  }

  /** A block that the buddy allocator has. */
  void buddy(int frame, int order, int type) {
    page(frame).mapcount(type).order(order);
  }

  Vmcoreinfo info() {
    StringBuilder text = new StringBuilder();
    lines.forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
    ByteBuffer page = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    page.put(text.toString().getBytes(StandardCharsets.US_ASCII));
    return Vmcoreinfo.at(page.array(), 0, 4096).orElseThrow();
  }

  LeftOut leftOut(int level) throws IOException {
    PageTables tables =
        new PageTables(ram, word == 8 ? PagingMode.LONG4 : PagingMode.LEGACY_PSE, 0x1000);
    return PageFilter.leftOut(
        new KernelMemory(ram, tables),
        info(),
        FrameMap.of(ram.map(), 4096),
        new DumpLevel(level),
        Progress.NONE);
  }

  /** {@code 3 16-31}: the frames of a set. */
  static String frames(LeftOut leftOut) {
    List<String> runs = new ArrayList<>();
    FrameSet frames = leftOut.frames();
    for (long from = frames.next(true, 0, FRAMES); from < FRAMES; ) {
      long to = frames.next(false, from, FRAMES);
      runs.add(to == from + 1 ? "" + from : from + "-" + (to - 1));
      from = frames.next(true, to, FRAMES);
    }
    return String.join(" ", runs);
  }
}
