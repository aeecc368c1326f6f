package dev.vmstate.ram;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.fixtures.PageItems;
import dev.vmstate.snapshot.StreamLayout;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MappedPagesTest {
  @TempDir private Path dir;

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 12);
  }

  private StreamSnapshot open(MigrationStreamBuilder stream) throws IOException {
    return StreamSnapshot.open(stream.writeTo(dir.resolve("a.mig")));
  }

  private static byte[] page(StreamSnapshot snapshot, int block, long page) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(4096);
    snapshot.memory().readBlock(block, page * 4096, bytes);
    return bytes.array();
  }

  private static MigrationStreamBuilder pc() {
    return new MigrationStreamBuilder("pc-i440fx-10.0")
        .mappedRam(4096)
        .block("pc.ram", 0x10000)
        .block("vga.vram", 0x2000);
  }

  @Test
  void aPageWhoseBitIsClearIsZeroWhateverStandsThere() throws Exception {
    try (StreamSnapshot snapshot =
        open(
            pc().mappedPage("pc.ram", 0, 1)
                .stalePage("pc.ram", 1, 2)
                .mappedPage("pc.ram", 15, 3)
                .mappedPage("vga.vram", 1, 4)
                .globalState("paused"))) {
      assertEquals("qemu-mapped-ram", snapshot.container());
      assertEquals(StreamLayout.From.BOTH_ENDS, snapshot.layout().from());
      assertArrayEquals(PageItems.pattern(4096, 1), page(snapshot, 0, 0));
      assertArrayEquals(new byte[4096], page(snapshot, 0, 1));
      assertArrayEquals(PageItems.pattern(4096, 3), page(snapshot, 0, 15));
      assertArrayEquals(PageItems.pattern(4096, 4), page(snapshot, 1, 1));
      assertEquals(new RamIndex.Counts(2, 14, 0, 0), snapshot.index().counts(0));
      assertEquals(new RamIndex.Counts(1, 1, 0, 0), snapshot.index().counts(1));
    }
  }

  /** What a visitor sees, page by page: first byte of data, or -1 for zeros. */
  private static Map<Long, Integer> shown(StreamSnapshot snapshot) throws IOException {
    Map<Long, Integer> shown = new HashMap<>();
    snapshot.scan(
        new PageVisitor() {
          @Override
          public void data(int block, long page, ByteBuffer bytes, int at, long offset)
              throws IOException {
            byte[] seen = new byte[4096];
            bytes.get(at, seen);
            byte[] there = new byte[4096];
            snapshot.stream().read(offset, ByteBuffer.wrap(there));
            assertArrayEquals(there, seen);
            assertEquals(null, shown.put((long) block << 32 | page, seen[0] & 0xff));
          }

          @Override
          public void fill(int block, long page, int value) {
            assertEquals(0, value);
            assertEquals(null, shown.put((long) block << 32 | page, -1));
          }
        },
        Progress.NONE);
    return shown;
  }

  /** Runs of any length, also longer than what is read at once; each page is shown once. */
  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void everyPageIsShownOnceAndLiesWhereTheIndexSays(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    int pages = random.nextInt(1, 400);
    MigrationStreamBuilder stream =
        new MigrationStreamBuilder("pc-i440fx-10.0")
            .mappedRam(4096)
            .block("pc.ram", pages * 4096L)
            .block("x", 4096);
    TreeSet<Integer> set = new TreeSet<>();
    boolean data = random.nextBoolean();
    for (int page = 0; page < pages; data = !data) {
      for (int run = random.nextInt(1, random.nextInt(2, 200)); run-- > 0 && page < pages; page++) {
        if (data) {
          set.add(page);
          stream.mappedPage("pc.ram", page, seed(page));
        } else if (random.nextInt(5) == 0) {
          stream.stalePage("pc.ram", page, 7);
        }
      }
    }
    try (StreamSnapshot snapshot = open(stream.globalState("paused"))) {
      Map<Long, Integer> shown = shown(snapshot);
      assertEquals(pages + 1, shown.size());
      for (int page = 0; page < pages; page++) {
        boolean has = set.contains(page);
        byte[] expected = has ? PageItems.pattern(4096, seed(page)) : new byte[4096];
        assertArrayEquals(expected, page(snapshot, 0, page));
        assertEquals(has ? expected[0] & 0xff : -1, shown.get((long) page));
      }
      assertEquals(-1, shown.get(1L << 32));
      assertEquals(set.size(), snapshot.index().counts(0).data());
    }
  }

  /** A host's byte order is not in the stream; that bits are set for pages with bytes is. */
  @Test
  void bitmapsOfABigEndianHostAreReadAsItWroteThem() throws Exception {
    for (boolean big : new boolean[] {true, false}) {
      SplittableRandom random = new SplittableRandom(5);
      MigrationStreamBuilder stream =
          new MigrationStreamBuilder("s390-ccw-virtio-10.0")
              .mappedRam(4096)
              .block("s390.ram", 1000 * 4096L);
      TreeSet<Integer> set = new TreeSet<>();
      for (int page = 0; page < 1000; page++) {
        if (random.nextInt(3) == 0) {
          set.add(page);
          stream.mappedPage("s390.ram", page, seed(page));
        }
      }
      if (big) {
        stream.bigEndianBitmaps();
      }
      try (StreamSnapshot snapshot = open(stream.globalState("paused"))) {
        for (int page = 0; page < 1000; page++) {
          byte[] expected =
              set.contains(page) ? PageItems.pattern(4096, seed(page)) : new byte[4096];
          assertArrayEquals(expected, page(snapshot, 0, page));
        }
        assertEquals(
            big ? BitmapOrder.BIG : BitmapOrder.LITTLE,
            BitmapOrder.of(snapshot.stream(), snapshot.ram()));
      }
    }
  }

  /**
   * Pages that became zero and kept their bit (an edit does that) must not turn the order round.
   */
  @Test
  void aFewZeroPagesWithABitAreNoOtherByteOrder() throws Exception {
    MigrationStreamBuilder stream =
        new MigrationStreamBuilder("pc-i440fx-10.0").mappedRam(4096).block("pc.ram", 1000 * 4096L);
    for (int page = 0; page < 1000; page += 3) {
      stream.mappedPage(
          "pc.ram", page, page % 5 == 0 ? new byte[4096] : PageItems.pattern(4096, 1));
    }
    try (StreamSnapshot snapshot = open(stream.globalState("paused"))) {
      assertEquals(BitmapOrder.LITTLE, BitmapOrder.of(snapshot.stream(), snapshot.ram()));
    }
  }

  private static int seed(int page) {
    return page * 7919 + 1;
  }

  @Test
  void memoryThatIsElsewhereIsAbsent() throws Exception {
    try (StreamSnapshot snapshot =
        open(
            new MigrationStreamBuilder("pc-q35-11.1")
                .capability("x-ignore-shared")
                .mappedRam(4096)
                .block("mem", 0x10000)
                .block("vga.vram", 0x2000)
                .elsewhere("mem")
                .mappedPage("vga.vram", 0, 1)
                .globalState("paused"))) {
      assertEquals(new RamIndex.Counts(0, 0, 16, 0), snapshot.index().counts(0));
      assertEquals(2, shown(snapshot).size());
      assertFalse(snapshot.holds(0));
      assertTrue(snapshot.holds(1));
      assertTrue(
          snapshot.memoryMap().reasons().stream()
              .anyMatch(reason -> reason.startsWith("mem: shared memory")),
          snapshot.memoryMap().reasons().toString());
    }
  }

  @Test
  void aPageItemInAMappedStreamIsRefused() throws Exception {
    for (MigrationStreamBuilder stream :
        new MigrationStreamBuilder[] {
          pc().end(p -> p.page("pc.ram", 0, 1)),
          pc().end(p -> p.zero("pc.ram", 0)),
          pc().end(p -> p.multifdFlush()),
        }) {
      try (StreamSnapshot snapshot = open(stream.withoutVmdesc())) {
        FormatException e = assertThrows(FormatException.class, snapshot::index);
        assertTrue(e.getMessage().contains("in a mapped-ram stream"), e.getMessage());
      }
    }
  }

  /** 64 GiB of holes: the bitmap is read, the region is not. */
  @Test
  void whatNoBitSaysIsNotRead() throws Exception {
    byte[] small = pc().globalState("paused").build();
    int word = indexOf(small, new byte[] {0, 0, 0, 0, 0, 1, 0x20, 4}); // total and flags
    long bytes = 64L << 30;
    Path file = dir.resolve("large.mig");
    // The same stream with a block of 64 GiB: 2 MiB of bitmap, all clear but one page.
    ByteBuffer head = ByteBuffer.allocate(0x100).put(small, 0, word);
    head.putLong(bytes | 4)
        .put((byte) 6)
        .put("pc.ram".getBytes(StandardCharsets.US_ASCII))
        .putLong(bytes);
    long bitmapAt = head.position() + 28L;
    long pagesAt = 4L << 20;
    head.putInt(1).putLong(4096).putLong(bitmapAt).putLong(pagesAt);
    int listEnd = indexOf(small, new byte[] {0, 0, 0, 0, 0, 0, 0, 0x10, 0x7e});
    try (FileChannel out =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.SPARSE,
            StandardOpenOption.WRITE)) {
      out.write(head.flip(), 0);
      out.write(ByteBuffer.wrap(new byte[] {1 << 3}), bitmapAt + 1_000_000);
      out.write(ByteBuffer.wrap(PageItems.pattern(4096, 9)), pagesAt + 8_000_003L * 4096);
      out.write(ByteBuffer.wrap(small, listEnd, small.length - listEnd), pagesAt + bytes);
    }
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      assertEquals(new RamIndex.Counts(1, bytes / 4096 - 1, 0, 0), snapshot.index().counts(0));
      assertArrayEquals(PageItems.pattern(4096, 9), page(snapshot, 0, 8_000_003));
      assertEquals(1, snapshot.devices().size());
    }
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    for (int i = 0; i + part.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
        return i;
      }
    }
    throw new AssertionError("not found");
  }
}
