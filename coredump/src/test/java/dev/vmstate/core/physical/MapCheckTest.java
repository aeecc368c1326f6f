package dev.vmstate.core.physical;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.Cpus;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.MemorySplit;
import dev.vmstate.memory.MemorySplit.Asked;
import dev.vmstate.memory.MemorySplit.Source;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.memory.X86MemoryMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** A q35 of 4 GiB, which is split at 2 GiB unless somebody asked for 1 GiB. */
class MapCheckTest {
  private static final long GIB = 1L << 30;
  private static final int P = 3;
  private static final int LARGE = P | 0x80;
  private static final List<RamBlock> BLOCKS = List.of(new RamBlock("pc.ram", 4 * GIB, 4096));
  private static final List<X86Cpu> PAGING =
      List.of(
          Cpus.of(0, "rip=ffff888000007000 cs.flags=200000 cr0=80000001 efer=500 cr4=20 cr3=1000"));

  /** Offsets in pc.ram; what was never written is zero. */
  private final Map<Long, ByteBuffer> pages = new HashMap<>();

  private void u64(long offset, long value) {
    page(offset).putLong((int) (offset & 0xfff), value);
  }

  private ByteBuffer page(long offset) {
    return pages.computeIfAbsent(
        offset >>> 12, p -> ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN));
  }

  private static MemoryMap map(Asked... asked) throws IOException {
    return choose(asked.length == 0 ? Optional.empty() : Optional.of(asked[0]));
  }

  private static MemoryMap choose(Optional<Asked> asked) throws IOException {
    return X86MemoryMap.of("pc-q35-7.2", BLOCKS, List.of(), asked, block -> new byte[0]);
  }

  private MemoryMap check(MemoryMap map, List<X86Cpu> cpus) throws IOException {
    GuestMemory memory =
        new GuestMemory() {
          @Override
          public MemoryMap map() {
            throw new AssertionError("the map is what is checked");
          }

          @Override
          public void readBlock(int block, long offset, ByteBuffer into) {
            while (into.hasRemaining()) {
              ByteBuffer page = pages.get(offset >>> 12);
              into.put(page == null ? 0 : page.get((int) (offset & 0xfff)));
              offset++;
            }
          }
        };
    return MapCheck.of(memory, cpus, map, asked -> Optional.of(choose(Optional.of(asked))));
  }

  private static long below(MemoryMap map) {
    return map.split().orElseThrow().below4g();
  }

  /**
   * A kernel that maps all RAM one to one, split at {@code low}, in pages of 1 GiB, from a table
   * behind 4 GiB.
   */
  private void directMap(long low, long start) {
    long table = start + 0x5000; // what the top-level table points to
    long offset = low + 0x5000;
    u64(0x1000 + 8 * 273, table | P);
    for (long at = 0; at < low; at += GIB) {
      u64(offset + 8 * (at / GIB), at | LARGE);
    }
    // the rest one slot on when it does not fit into the first 512 GiB
    long shift = start / GIB / 512;
    long high = shift == 0 ? offset : offset + 0x1000;
    if (shift > 0) {
      u64(0x1000 + 8 * (273 + shift), table + 0x1000 | P);
    }
    for (long at = 0; at < 4 * GIB - low; at += GIB) {
      u64(high + 8 * ((start + at) / GIB % 512), start + at | LARGE);
    }
  }

  @Test
  void aRightMapIsAgreedTo() throws Exception {
    directMap(2 * GIB, 4 * GIB);
    MemoryMap checked = check(map(), PAGING);
    assertEquals(map().ranges(), checked.ranges());
    MemorySplit split = checked.split().orElseThrow();
    assertEquals(Source.RULE, split.from());
    assertTrue(split.agrees(split.of(Source.PAGE_TABLES).orElseThrow()));
    assertTrue(
        checked
            .reasons()
            .get(0)
            .endsWith("a walk of the page tables agrees; CMOS is not in the stream"),
        checked.reasons().toString());
    assertTrue(checked.reasons().contains("2 page tables, 0 entries that point outside RAM"));
  }

  @Test
  void aWrongMapIsReplaced() throws Exception {
    directMap(GIB, 4 * GIB);
    MemoryMap checked = check(map(), PAGING);
    assertEquals(GIB, below(checked));
    assertEquals(Source.PAGE_TABLES, checked.split().orElseThrow().from());
    assertTrue(
        checked.reasons().get(checked.reasons().size() - 1).endsWith("which is taken"),
        checked.reasons().toString());
  }

  @Test
  void soIsOneThatStartsBehindTheWrongHole() throws Exception {
    directMap(2 * GIB, 1L << 40);
    // found in a table below 4 GiB, as a kernel's are that was loaded there
    u64(0x1000 + 8 * 273, 0x7000 | P);
    u64(0x1000 + 8 * 275, 0x6000 | P);
    u64(0x7000, LARGE);
    u64(0x7008, GIB | LARGE);
    u64(0x6000, 1L << 40 | LARGE);
    u64(0x6008, (1L << 40) + GIB | LARGE);
    MemoryMap checked = check(map(), PAGING);
    assertEquals(1L << 40, checked.split().orElseThrow().above4gStart());
    assertEquals(2 * GIB, below(checked));
  }

  @Test
  void whatTheUserAskedForStaysAndIsContradicted() throws Exception {
    directMap(GIB, 4 * GIB);
    MemoryMap checked = check(map(Asked.byUser(3 * GIB)), PAGING);
    assertEquals(3 * GIB, below(checked));
    assertTrue(
        checked.reasons().toString().contains("--below-4g 1024M would"),
        checked.reasons().toString());
  }

  @Test
  void withoutPagingNothingChanges() throws Exception {
    directMap(GIB, 4 * GIB);
    MemoryMap decided = map();
    assertSame(decided, check(decided, List.of()));
  }

  private void e820(long... startBytesType) {
    long at = 0xf5a30;
    for (int i = 0; i < startBytesType.length; i += 3) {
      for (int k = 0; k < 20; k++) {
        long value = startBytesType[i + k / 8];
        page(at).put((int) (at & 0xfff), (byte) (value >> 8 * (k % 8)));
        at++;
      }
    }
  }

  /** As SeaBIOS leaves it on a q35. */
  private void e820(long low) {
    e820(
        0,
        0x9fc00,
        1,
        0x9fc00,
        0x400,
        2,
        0xf0000,
        0x10000,
        2,
        0x100000,
        low - 0x100000 - 0x21000,
        1,
        low - 0x21000,
        0x21000,
        2,
        0xb000_0000L,
        0x1000_0000,
        2,
        0xfffc_0000L,
        0x40000,
        2,
        4 * GIB,
        4 * GIB - low,
        1);
  }

  @Test
  void theFirmwaresE820ComesBeforeTheRule() throws Exception {
    e820(GIB);
    MemoryMap checked = check(map(), List.of());
    assertEquals(GIB, below(checked));
    assertEquals(Source.E820, checked.split().orElseThrow().from());
  }

  @Test
  void andIsHeldAgainstWhatTheUserAskedFor() throws Exception {
    e820(GIB);
    MemoryMap checked = check(map(Asked.byUser(3 * GIB)), List.of());
    assertEquals(3 * GIB, below(checked));
    assertEquals(
        "the e820 of the firmware contradicts this; --below-4g 1024M would satisfy it",
        checked.reasons().get(checked.reasons().size() - 1));
  }

  /** Of another machine, or of none. */
  @Test
  void anE820ThatDoesNotAddUpIsNone() throws Exception {
    e820(0, 0x9fc00, 1, 0x100000, GIB, 1, 4 * GIB, 7 * GIB, 1);
    assertEquals(Optional.empty(), check(map(), List.of()).split().orElseThrow().of(Source.E820));
    pages.clear();
    e820(0, 0x9fc00, 1, 0x100000, -1, 1, 5, 5, 1);
    assertEquals(Optional.empty(), check(map(), List.of()).split().orElseThrow().of(Source.E820));
  }

  @Test
  void noiseIsNoEvidenceAndTakesNoTime() {
    for (long seed = 0; seed < 2; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      pages.clear();
      for (int page = 1; page < 200; page++) {
        for (int i = 0; i < 512; i++) {
          long target = random.nextLong(200) << 12;
          u64(page * 4096L + 8L * i, random.nextInt(4) == 0 ? target | P : random.nextLong());
        }
      }
      assertNotNull(assertTimeoutPreemptively(Duration.ofSeconds(60), () -> check(map(), PAGING)));
    }
  }
}
