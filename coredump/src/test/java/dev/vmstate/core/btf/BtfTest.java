package dev.vmstate.core.btf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.kernel.KernelImage;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.paging.PageTables;
import dev.vmstate.core.paging.PagingMode;
import dev.vmstate.fixtures.BtfBuilder;
import dev.vmstate.fixtures.BtfBuilder.Member;
import dev.vmstate.fixtures.BtfBuilder.Value;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BtfTest {
  private static final OptionalLong NONE = OptionalLong.empty();

  private final BtfBuilder builder = new BtfBuilder();
  private final int u64 = builder.integer("long unsigned int", 8, false);
  private final int u32 = builder.integer("unsigned int", 4, false);
  private final int list = builder.struct("list_head", 16, at("next", 4, 0), at("prev", 4, 8));
  private final int link = builder.pointer(list);

  {
    int bits =
        builder.struct(
            "",
            8,
            new Member("low", u32, 0, 3),
            new Member("high", u32, 3, 29),
            new Member("word", u32, 32, 0));
    int values = builder.union("", 8, at("value", u64, 0), at("", bits, 0));
    int lists = builder.array(builder.typedef("list_t", builder.qualified(10, list)), u32, 4);
    builder.forward("task", false);
    builder.struct(
        "task",
        96,
        at("", values, 8),
        at("lists", lists, 16),
        at("one", list, 80),
        at("p", link, 0));
    builder.enumeration("", true, new Value("MINUS", -1), new Value("PLUS", 7));
    builder.enumeration64("", false, new Value("LARGE", 0x1_2345_6789_abcdL));
  }

  private static Member at(String name, int type, int offset) {
    return Member.at(name, type, offset);
  }

  @Test
  void membersAreFoundThroughUnnamedOnesTypedefsAndArrays() throws Exception {
    Structs types = new Structs(Btf.parse("t", builder.build()));
    assertEquals(OptionalLong.of(96), types.size("task"));
    assertEquals(OptionalLong.of(16), types.size("list_t"));
    assertEquals(OptionalLong.of(8), types.offset("task", "value"));
    assertEquals(OptionalLong.of(12), types.offset("task", "word"));
    assertEquals(OptionalLong.of(56), types.offset("task", "lists[2].prev"));
    assertEquals(OptionalLong.of(88), types.offset("task", "one.prev"));
    assertEquals(OptionalLong.of(4), types.length("task", "lists"));
    assertEquals(NONE, types.length("task", "one"));
    assertEquals(OptionalLong.of(8), types.offset("list_t", "prev"));
  }

  @Test
  void whatIsNotThereIsEmpty() throws Exception {
    Structs types = new Structs(Btf.parse("t", builder.build()));
    assertEquals(NONE, types.offset("task", "none"));
    assertEquals(NONE, types.offset("none", "value"));
    assertEquals(NONE, types.size("none"));
    assertEquals(NONE, types.offset("task", "p.next"), "behind a pointer");
    assertEquals(NONE, types.offset("task", "one[1]"), "no array");
    assertEquals(NONE, types.offset("task", "lists[x]"));
    assertEquals(NONE, types.offset("task", ""));
    assertEquals(NONE, types.enumerator("ZERO"));
  }

  @Test
  void aBitFieldHasBitsAndNoByte() throws Exception {
    Structs types = new Structs(Btf.parse("t", builder.build()));
    assertEquals(NONE, types.offset("task", "low"));
    assertEquals(new Structs.Member(64, 3, u32), types.member("task", "low").orElseThrow());
    assertEquals(new Structs.Member(67, 29, u32), types.member("task", "high").orElseThrow());
  }

  /** Before 4.20: an INT of fewer bits than its bytes have, with an offset of its own. */
  @Test
  void theOlderFormOfBitFieldsIsOneToo() throws Exception {
    int old = builder.integer("older", 4, 0, 6 << 16 | 3);
    builder.struct("s", 8, new Member("field", old, 32, 0));
    Structs types = new Structs(Btf.parse("t", builder.build()));
    assertEquals(new Structs.Member(38, 3, old), types.member("s", "field").orElseThrow());
  }

  @Test
  void enumeratorsAreFoundInAnyEnum() throws Exception {
    Structs types = new Structs(Btf.parse("t", builder.build()));
    assertEquals(OptionalLong.of(-1), types.enumerator("MINUS"));
    assertEquals(OptionalLong.of(0x1_2345_6789_abcdL), types.enumerator("LARGE"));
  }

  @Test
  void aModulesTableStartsBehindTheKernels() throws Exception {
    Btf kernel = Btf.parse("vmlinux", builder.build());
    BtfBuilder module = new BtfBuilder(builder);
    int own = module.struct("own", 24, at("head", list, 0), at("count", u64, 16));
    module.struct("outer", 32, at("own", own, 8));
    Btf btf = Btf.parse("module", module.build(), kernel);
    assertEquals(kernel.count(), btf.start());
    Structs types = new Structs(btf);
    assertEquals(OptionalLong.of(16), types.offset("outer", "own.head.prev"));
    assertEquals(OptionalLong.of(96), types.size("task"));
    assertEquals("own", btf.name(own));
    assertEquals("list_head", btf.name(list));
    assertEquals(NONE, new Structs(kernel).size("outer"));
  }

  @Test
  void newerKindsArePassedOverByTheirSizes() throws Exception {
    builder.other(20, 2, 8, 0x28, 7, 8);
    builder.other(21, 1, u64, 10);
    builder.other(22, 1, 0, 1, 2, 3);
    builder.struct("behind", 4, at("x", u32, 0));
    Structs types = new Structs(Btf.parse("t", builder.build()));
    assertEquals(OptionalLong.of(4), types.size("behind"));
  }

  @Test
  void unknownKindsNeedTheTablesLayout() throws Exception {
    builder.other(90, 2, 0, 1, 2, 3);
    builder.struct("behind", 4, at("x", u32, 0));
    byte[] without = builder.build();
    var e = assertThrows(FormatException.class, () -> Btf.parse("t", without));
    assertTrue(e.getMessage().endsWith("type of kind 90, whose size nothing tells"));
    builder.layout(90, 4, 4);
    Structs types = new Structs(Btf.parse("t", builder.build()));
    assertEquals(OptionalLong.of(4), types.size("behind"));
  }

  @Test
  void anEndlessChainIsRefused() {
    BtfBuilder endless = new BtfBuilder();
    endless.typedef("a", 2);
    endless.qualified(10, 1);
    var e = assertThrows(FormatException.class, () -> Btf.parse("t", endless.build()));
    assertEquals("t: at offset 0x18: type 1 leads through more than 64 others", e.getMessage());
  }

  @Test
  void unnamedMembersInCirclesEndTheSearch() throws Exception {
    BtfBuilder circles = new BtfBuilder();
    Member[] many = new Member[200];
    java.util.Arrays.fill(many, at("", 1, 0));
    circles.struct("circle", 8, many);
    Structs types = new Structs(Btf.parse("t", circles.build()));
    assertEquals(NONE, types.offset("circle", "x"));
  }

  @Test
  void noShorterTableIsTaken() {
    byte[] whole = builder.build();
    for (int length = 0; length < whole.length; length++) {
      byte[] cut = java.util.Arrays.copyOf(whole, length);
      assertThrows(FormatException.class, () -> Btf.parse("t", cut), "cut at " + length);
    }
  }

  /** Offsets of a thousand names may lie in one long string: each would be read to its end. */
  @Test
  void aNameLongerThanAnyKernelsIsRefused() throws Exception {
    builder.forward("n".repeat(1024), false);
    Btf.parse("t", builder.build());
    builder.forward("m".repeat(1025), false);
    var e = assertThrows(FormatException.class, () -> Btf.parse("t", builder.build()));
    assertTrue(e.getMessage().contains("string of more than 1024 bytes"), e.getMessage());
  }

  /** Whatever a table says, asking all of it ends, and nothing but FormatException is thrown. */
  @Test
  void changedTablesAreRefusedOrAnswer() {
    byte[] whole = builder.build();
    for (long seed = 0; seed < 3000; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      byte[] changed = whole.clone();
      for (int i = random.nextInt(1, 4); i > 0; i--) {
        changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
      }
      try {
        Btf btf = Btf.parse("t", changed);
        Structs types = new Structs(btf);
        for (int id = 0; id < btf.count(); id++) {
          btf.name(id);
          types.size(id);
          types.member(id, "lists[1].next");
        }
        types.enumerator("NOT");
        types.offset("task", "one.prev");
      } catch (FormatException refused) {
        assertTrue(refused.offset() <= changed.length, refused.getMessage());
      }
    }
  }

  @Test
  void theLargestTableOfTheImageIsTheKernels() throws Exception {
    ArrayMemory ram =
        ArrayMemory.at(0, 1 << 20)
            .u64(0x1000 + 8 * 511, 0x2003)
            .u64(0x2000 + 8 * 510, 0x3003)
            .u64(0x3000, 0x4003);
    for (int page = 0; page < 8; page++) {
      if (page != 1) { // a hole
        ram.u64(0x4000 + 8 * page, 0x1_0003 + 0x1000 * page);
      }
    }
    BtfBuilder small = new BtfBuilder();
    small.integer("int", 4, true);
    ram.bytes(0x1_2000, small.build());
    byte[] kernel = builder.build();
    ram.bytes(0x1_2ffe, kernel);
    byte[] broken = kernel.clone();
    broken[0x20] = 99; // a kind nobody knows, in a table that claims to be longer
    broken[12] += 4;
    ram.bytes(0x1_5010, broken);
    KernelMemory memory = new KernelMemory(ram, new PageTables(ram, PagingMode.LONG4, 0x1000));
    KernelImage image = KernelImage.ofLinux64(memory).orElseThrow();
    Btf found = Btf.find(image, Optional.empty()).orElseThrow();
    assertEquals(OptionalLong.of(96), new Structs(found).size("task"));
    long start = KernelImage.START_KERNEL_MAP + 0x2000;
    Btf.Bounds known = new Btf.Bounds(start, start + small.build().length);
    assertEquals(2, Btf.find(image, Optional.of(known)).orElseThrow().count());
    Btf.Bounds wrong = new Btf.Bounds(start + 4, start + 100);
    assertEquals(found.count(), Btf.find(image, Optional.of(wrong)).orElseThrow().count());
  }
}
