package dev.vmstate.core.kdump;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Which frames go with which level, of struct pages as kernels have had them. */
class PageFilterTest {
  private static final int LRU = 1 << 4;
  private static final int PRIVATE = 1 << 13;
  private static final int SWAPCACHE = 1 << 10;
  private static final int SWAPBACKED = 1 << 19;
  private static final int SLAB = 1 << 9;
  private static final int HEAD = 1 << 16;
  private static final int HWPOISON = 1 << 23;
  private static final long ANONYMOUS = 0xdead_0001L;
  private static final long FILE = 0xdead_0000L;

  private static void onePageOfEachKind(GuestPages guest) {
    guest.page(10).flags(LRU).mapping(FILE);
    guest.page(20).flags(LRU | PRIVATE).mapping(FILE);
    guest.page(30).flags(LRU | SWAPBACKED).mapping(ANONYMOUS);
    guest.page(40).flags(SWAPCACHE | SWAPBACKED);
    guest.page(50).flags(SWAPCACHE).mapping(FILE);
    guest.page(60).flags(HWPOISON);
    guest.page(80).flags(SLAB).mapping(ANONYMOUS).mapcount(-129).order(2);
    guest.page(90).mapping(ANONYMOUS);
    guest.buddy(128, 5, -129);
  }

  @ParameterizedTest
  @CsvSource({
    "2, 10 40 60 70",
    "4, 10 20 40 60 70",
    "6, 10 20 40 60 70",
    "8, 30 60 70 90",
    "16, 60 70 128-159",
    "31, 10 20 30 40 60 70 90 128-159",
  })
  void aLevelTakesItsKindsWhateverTheMemoryModel(int level, String expected) throws IOException {
    for (GuestPages guest :
        new GuestPages[] {GuestPages.extreme(), GuestPages.classic(), GuestPages.flat()}) {
      onePageOfEachKind(guest);
      guest.page(70).mapcount(-257);
      assertEquals(expected, GuestPages.frames(guest.leftOut(level)));
    }
  }

  @Test
  void eachKindIsCounted() throws IOException {
    GuestPages guest = GuestPages.extreme();
    onePageOfEachKind(guest);
    guest.page(70).mapcount(-257);
    LeftOut out = guest.leftOut(31);
    assertEquals(2, out.count(PageKind.CACHE));
    assertEquals(1, out.count(PageKind.CACHE_PRIVATE));
    assertEquals(2, out.count(PageKind.USER));
    assertEquals(32, out.count(PageKind.FREE));
    assertEquals(1, out.count(PageKind.HWPOISON));
    assertEquals(1, out.count(PageKind.OFFLINE));
    assertEquals(39, out.total());
    assertEquals(0, out.unknown(), "the hole has no frames");
  }

  static Stream<Arguments> kernels() {
    return Stream.of(
        Arguments.of("5.10", (Consumer<GuestPages>) GuestPages::style510),
        Arguments.of("6.3", (Consumer<GuestPages>) GuestPages::style63),
        Arguments.of("6.6", (Consumer<GuestPages>) GuestPages::style66),
        Arguments.of("6.12", (Consumer<GuestPages>) GuestPages::style612),
        Arguments.of("7.1", (Consumer<GuestPages>) GuestPages::style71));
  }

  /** A page of hugetlbfs of 2 MiB, one of transparent huge memory, one of a file's cache. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("kernels")
  void aCompoundPageGoesAsAWhole(String name, Consumer<GuestPages> kernel) throws IOException {
    GuestPages guest = GuestPages.extreme();
    kernel.accept(guest);
    boolean types = guest.lines.containsKey("NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)");
    boolean flags1 = types || guest.lines.containsKey("NUMBER(PG_hugetlb)");
    int[] heads = {512, 1024, 2560};
    int[] orders = {9, 9, 4};
    for (int i = 0; i < heads.length; i++) {
      boolean huge = i == 0;
      guest.page(heads[i]).flags(HEAD | (huge ? 0 : LRU)).mapping(i == 1 ? ANONYMOUS : FILE);
      for (int tail = 1; tail < 1 << orders[i]; tail++) {
        guest.page(heads[i] + tail).tail();
      }
      guest.page(heads[i] + 1).second(!flags1 && huge ? 2 : 1, flags1 ? 0 : orders[i]);
      if (flags1) {
        guest.page(heads[i] + 1).flags(orders[i] | (huge && !types ? 1 << 8 : 0));
      }
      if (types && huge) {
        guest.page(heads[i]).mapcount(0xf400_0000);
      }
    }
    assertEquals("512-1535", GuestPages.frames(guest.leftOut(8)));
    assertEquals("2560-2575", GuestPages.frames(guest.leftOut(2)));
    assertEquals("", GuestPages.frames(guest.leftOut(16)), "tails are no pages of their own");
  }

  /** Slab is a page type since 6.11, and bit 7, a slab's flag before 2.6.26, is PG_waiters. */
  @Test
  void typesOfPages() throws IOException {
    GuestPages guest = GuestPages.extreme();
    guest.style612();
    guest.page(10).mapcount(0xf500_0000).mapping(ANONYMOUS);
    guest.page(20).flags(LRU | 1 << 7).mapping(ANONYMOUS);
    guest.buddy(64, 3, 0xf000_0000);
    guest.page(1024).mapcount(0xf800_0000);
    guest.page(2400).mapcount(0xf100_0000);
    assertEquals("64-71 1024-2047 2400", GuestPages.frames(guest.leftOut(16)));
    assertEquals("20 2400", GuestPages.frames(guest.leftOut(8)));
    assertEquals("2400", GuestPages.frames(guest.leftOut(2)));
  }

  @Test
  void aBlockEndsWhereMemoryDoesAndNotWhereASectionDoes() throws IOException {
    GuestPages guest = GuestPages.extreme();
    guest.buddy(1024, 10, -129);
    guest.buddy(3072, 9, -129);
    assertEquals("1024-2047 3072-3583", GuestPages.frames(guest.leftOut(16)));
    guest = GuestPages.extreme();
    guest.page(0).flags(HEAD | LRU).mapping(ANONYMOUS);
    guest.page(1).second(1, 12);
    LeftOut out = guest.leftOut(8);
    assertEquals("0-2047 2304-4095", GuestPages.frames(out), "not the hole");
    assertEquals(4096 - 256, out.count(PageKind.USER));
  }

  @Test
  void framesWithoutStructPagesStay() throws IOException {
    GuestPages guest = GuestPages.classic();
    for (int frame = 0; frame < GuestPages.FRAMES; frame++) {
      guest.page(frame).flags(LRU);
    }
    guest.section(3, 32, 0, 0);
    guest.section(5, 32, 0xffff_9000_0000_0000L, 3);
    LeftOut out = guest.leftOut(2);
    assertEquals("0-767 1024-1279 1536-2047 2304-4095", GuestPages.frames(out));
    assertEquals(2 * GuestPages.SECTION, out.unknown());
    GuestPages flat = GuestPages.flat();
    flat.page(0).flags(LRU);
    flat.page(1).flags(LRU);
    flat.page(3999).flags(LRU);
    flat.page(4000).flags(LRU);
    out = flat.leftOut(2);
    assertEquals("1 3999", GuestPages.frames(out), "frames the node spans");
    assertEquals(1 + 96, out.unknown());
  }

  @Test
  void whatCannotBeABlockStays() throws IOException {
    GuestPages guest = GuestPages.extreme();
    guest.buddy(16, 11, -129);
    guest.buddy(32, 63, -129);
    guest.page(48).mapcount(-129).order(-1);
    guest.buddy(65, 3, -129);
    guest.page(128).flags(HEAD | LRU);
    guest.page(129).second(1, 255);
    guest.page(200).flags(HEAD | LRU);
    guest.page(201).second(1, 9);
    assertEquals("128 200", GuestPages.frames(guest.leftOut(31)));
  }

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 20);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void noiseEndsAndLeavesOutFramesThatThereAre(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    GuestPages guest = seed % 3 == 0 ? GuestPages.flat() : GuestPages.classic();
    int[] types = {-129, -257, -1, 0};
    for (int frame = 0; frame < GuestPages.FRAMES; frame++) {
      byte[] bytes = new byte[guest.size()];
      random.nextBytes(bytes);
      bytes[guest.size() == 40 ? 4 : 8] &= (byte) -2;
      guest.page(frame).noise(bytes);
      guest.page(frame).mapcount(types[random.nextInt(types.length)]);
      guest.page(frame).order(random.nextInt(14));
    }
    LeftOut out = guest.leftOut(31);
    long counted = 0;
    for (int frame = 0; frame < GuestPages.FRAMES; frame++) {
      boolean left = out.frames().has(frame);
      counted += left ? 1 : 0;
      assertFalse(left && frame >= GuestPages.HOLE && frame < GuestPages.HOLE_END);
    }
    assertEquals(counted, out.total());
    assertTrue(counted > 1000, "noise is cache, mostly");
  }

  @ParameterizedTest
  @CsvSource({
    "SIZE(page), '', has no SIZE(page)",
    "SIZE(page), 0, has SIZE(page)=0",
    "SIZE(page), 999999999, 32 to 4096 expected",
    "OFFSET(page.flags), 60, has OFFSET(page.flags)=60",
    "OFFSET(page.mapping), -8, has OFFSET(page.mapping)=-8",
    "NUMBER(PG_lru), '', has no NUMBER(PG_lru)",
    "NUMBER(SECTION_SIZE_BITS), 70, 20 to 40 expected",
    "LENGTH(zone.free_area), 64, has LENGTH(zone.free_area)=64",
    "SYMBOL(mem_section), '', has no SYMBOL(mem_section) and no SYMBOL(mem_map)",
    "OFFSET(page.compound_order), '', has no OFFSET(page.compound_order)",
  })
  void whatVmcoreinfoDoesNotSayIsNamed(String key, String value, String expected) {
    GuestPages guest = GuestPages.extreme();
    if (value.isEmpty()) {
      guest.lines.remove(key);
    } else {
      guest.lines.put(key, value);
    }
    var e = assertThrows(UnfilterableException.class, () -> guest.leftOut(2));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains(expected), message);
    assertTrue(message.contains("1 (zero)") || message.contains("level 1"), message);
  }
}
