package dev.vmstate.core.kdump;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * What a {@code struct page} says of its frame, and of how many frames it speaks. One object looks
 * at all of them, one after the other.
 *
 * <p>Where things are, VMCOREINFO says. What has changed over the years:
 *
 * <pre>
 * page type      _mapcount holds it: -129 and the like, 0xf0…0000 since 6.11; "slab" was the flag
 *                PG_slab before, and until then a slab's _mapcount was something else
 * order          of a compound page: in the second struct page, a byte of its own (compound_order;
 *                folio._folio_order, 6.3), the lowest byte of flags (6.6)
 * hugetlb        the destructor's number (compound_dtor; folio._folio_dtor, 6.3), a flag in the
 *                second struct page (PG_hugetlb, 6.6), a page type (6.9)
 * tail           bit 0 of compound_head (4.4), of compound_info (7.1)
 * </pre>
 *
 * <p>Source: {@code include/linux/page-flags.h}, {@code kernel/vmcore_info.c}; the decision is that
 * of makedumpfile's {@code __exclude_unnecessary_pages}, which treats a compound page as a whole.
 */
final class StructPage {
  /** {@code PAGE_MAPPING_ANON}, of an address that is a multiple of 4. */
  private static final long ANONYMOUS = 1;

  private static final long TAIL = 1;

  /** A value that no {@code int} is. */
  private static final long NEVER = Long.MIN_VALUE;

  /** {@code HPAGE_PUD_ORDER}: hugetlb pages of 1 GiB are the largest there are. */
  private static final int MOST_ORDER = 18;

  private final DumpLevel level;
  private final int bytes;
  private final int word;
  private final int flagsAt;
  private final int mapcountAt;
  private final int mappingAt;
  private final int privateAt;
  private final int compoundAt;
  private final long lru;
  private final long hasPrivate;
  private final long swapcache;
  private final long slab;
  private final long head;
  private final long hwpoison;
  private final long buddyType;
  private final long slabType;
  private final long hugetlbType;
  private final long offlineType;
  private final long unacceptedType;
  private final int buddyOrders;
  private final long hugetlbFlag;
  private final int orderAt;
  private final int dtorAt;
  private final long hugetlbDtor;

  private int span = 1;

  private StructPage(FilterFacts facts, int word) throws IOException {
    this.level = facts.level();
    this.word = word;
    this.bytes = facts.get("SIZE(page)", 4 * word, 4096);
    this.flagsAt = at(facts, "page.flags", word);
    this.mapcountAt = at(facts, "page._mapcount", 4);
    this.mappingAt = at(facts, "page.mapping", word);
    this.privateAt = at(facts, "page.private", word);
    boolean renamed = facts.find("OFFSET(page.compound_info)").isPresent();
    this.compoundAt = at(facts, renamed ? "page.compound_info" : "page.compound_head", word);
    this.lru = flag(facts, "PG_lru");
    this.hasPrivate = flag(facts, "PG_private");
    // PG_swapcache shares its bit with PG_owner_priv_1; PG_swapbacked tells them apart.
    this.swapcache = flag(facts, "PG_swapcache") | swapbacked(facts);
    this.slab = optionalFlag(facts, "PG_slab");
    this.hwpoison = optionalFlag(facts, "PG_hwpoison");
    this.head = facts.get("NUMBER(PG_head_mask)");
    this.buddyType = (int) facts.get("NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)");
    this.slabType = type(facts, "SLAB");
    this.hugetlbType = type(facts, "HUGETLB");
    this.offlineType = type(facts, "OFFLINE");
    this.unacceptedType = type(facts, "UNACCEPTED");
    this.buddyOrders = facts.get("LENGTH(zone.free_area)", 1, MOST_ORDER + 1);
    this.hugetlbFlag = optionalFlag(facts, "PG_hugetlb");
    if (hugetlbType != NEVER || hugetlbFlag != 0) {
      this.orderAt = flagsAt;
      this.dtorAt = 0;
      this.hugetlbDtor = NEVER;
    } else {
      this.orderAt = inSecond(facts, "_order");
      this.dtorAt = inSecond(facts, "_dtor");
      this.hugetlbDtor = facts.find("NUMBER(HUGETLB_PAGE_DTOR)").orElse(NEVER);
    }
  }

  /**
   * For one kernel.
   *
   * @param word bytes of a pointer
   * @throws IOException when VMCOREINFO does not say enough
   */
  static StructPage of(FilterFacts facts, int word) throws IOException {
    return new StructPage(facts, word);
  }

  private static int at(FilterFacts facts, String member, int length) throws IOException {
    int size = facts.get("SIZE(page)", 1, 4096);
    return facts.get("OFFSET(%s)".formatted(member), 0, size - length);
  }

  /**
   * From the start of the second struct page of a compound page; a folio starts at the first. Four
   * bytes or two before 4.16, but the numbers have always fit the first one.
   */
  private int inSecond(FilterFacts facts, String member) throws IOException {
    String folio = "OFFSET(folio._folio%s)".formatted(member);
    if (facts.find(folio).isPresent()) {
      return facts.get(folio, bytes, 2 * bytes - 1) - bytes;
    }
    return facts.get("OFFSET(page.compound%s)".formatted(member), 0, bytes - 1);
  }

  private static long flag(FilterFacts facts, String name) throws IOException {
    return 1L << facts.get("NUMBER(%s)".formatted(name), 0, 31);
  }

  private static long optionalFlag(FilterFacts facts, String name) throws IOException {
    return facts.find("NUMBER(%s)".formatted(name)).isPresent() ? flag(facts, name) : 0;
  }

  /** Kernels that had swapcache at its new place but did not tell this one yet: 4.10 to 4.18. */
  private static long swapbacked(FilterFacts facts) throws IOException {
    long told = optionalFlag(facts, "PG_swapbacked");
    boolean moved = flag(facts, "PG_swapcache") < flag(facts, "PG_private");
    return told == 0 && moved ? flag(facts, "PG_private") << 6 : told;
  }

  private static long type(FilterFacts facts, String name) {
    OptionalLong value = facts.find("NUMBER(PAGE_%s_MAPCOUNT_VALUE)".formatted(name));
    return value.isPresent() ? (int) value.getAsLong() : NEVER;
  }

  /** Bytes of a struct page. */
  int bytes() {
    return bytes;
  }

  /** A buffer as {@link #kind} reads it. */
  static ByteBuffer buffer(byte[] pages, int length) {
    return ByteBuffer.wrap(pages, 0, length).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Of how many frames the struct page looked at last speaks, its own included. */
  int span() {
    return span;
  }

  /**
   * What kind of page it is, or null when it stays in the dump.
   *
   * @param pages struct pages
   * @param at where this one starts; the next one follows, unless the buffer ends
   */
  @Nullable PageKind kind(ByteBuffer pages, int at, long frame) {
    span = 1;
    if ((word(pages, at + compoundAt) & TAIL) != 0) {
      return null; // it goes, or stays, with its head
    }
    long flags = word(pages, at + flagsAt);
    int type = pages.getInt(at + mapcountAt);
    boolean isSlab = type == slabType || (flags & slab) != 0;
    if (level.has(PageKind.FREE) && !isSlab && type == buddyType) {
      return free(word(pages, at + privateAt), frame);
    }
    if (level.has(PageKind.FREE) && type == unacceptedType) {
      return free(buddyOrders - 1, frame);
    }
    PageKind kind = kept(flags, isSlab, word(pages, at + mappingAt));
    boolean huge = false;
    if ((flags & head) != 0 && at + 2 * bytes <= pages.limit()) {
      huge = compound(pages, at + bytes, type, frame);
    }
    if (kind != null) {
      return kind;
    }
    if (level.has(PageKind.USER) && huge) {
      return PageKind.USER;
    }
    if ((flags & hwpoison) != 0) {
      return PageKind.HWPOISON;
    }
    return !isSlab && type == offlineType ? PageKind.OFFLINE : null;
  }

  /** A block of the buddy allocator; one that cannot be one stays. */
  private @Nullable PageKind free(long order, long frame) {
    if (order < 0 || order >= buddyOrders || (frame & (1L << order) - 1) != 0) {
      return null;
    }
    span = 1 << order;
    return PageKind.FREE;
  }

  private @Nullable PageKind kept(long flags, boolean isSlab, long mapping) {
    boolean anonymous = (mapping & ANONYMOUS) != 0 && !isSlab;
    boolean cache = (flags & lru) != 0 || (flags & swapcache) == swapcache;
    if (cache && !anonymous) {
      boolean buffers = (flags & hasPrivate) != 0;
      if (level.has(PageKind.CACHE_PRIVATE)) {
        return buffers ? PageKind.CACHE_PRIVATE : PageKind.CACHE;
      }
      if (level.has(PageKind.CACHE) && !buffers) {
        return PageKind.CACHE;
      }
    }
    return level.has(PageKind.USER) && anonymous ? PageKind.USER : null;
  }

  /** Sets the span of a compound page; whether it is of hugetlbfs. */
  private boolean compound(ByteBuffer pages, int second, int type, long frame) {
    int order = pages.get(second + orderAt) & 0xff;
    if (order <= MOST_ORDER && (frame & (1L << order) - 1) == 0) {
      span = 1 << order;
    }
    if (hugetlbType != NEVER) {
      return type == hugetlbType;
    }
    if (hugetlbFlag != 0) {
      return (word(pages, second + flagsAt) & hugetlbFlag) != 0;
    }
    int dtor = pages.get(second + dtorAt) & 0xff;
    return dtor == hugetlbDtor;
  }

  private long word(ByteBuffer pages, int at) {
    return word == 8 ? pages.getLong(at) : pages.getInt(at) & 0xffff_ffffL;
  }
}
