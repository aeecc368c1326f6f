package dev.vmstate.ram;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.fixtures.PageItems;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PageRecordsTest {
  @TempDir private Path dir;

  private static MigrationStreamBuilder pc() {
    return new MigrationStreamBuilder("pc-i440fx-7.2").block("pc.ram", 0x8000).block("x", 0x2000);
  }

  private StreamSnapshot open(MigrationStreamBuilder stream) throws IOException {
    return StreamSnapshot.open(stream.writeTo(dir.resolve("a.mig")));
  }

  private static byte[] page(StreamSnapshot snapshot, int block, long page) throws IOException {
    GuestMemory memory = snapshot.memory();
    int size = snapshot.blocks().get(block).pageSize();
    ByteBuffer bytes = ByteBuffer.allocate(size);
    memory.readBlock(block, page * size, bytes);
    return bytes.array();
  }

  private static byte[] filled(int value) {
    byte[] bytes = new byte[4096];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  @Test
  void theLastRecordOfAPageCountsWhateverItsKind() throws Exception {
    try (StreamSnapshot snapshot =
        open(
            pc().part(p -> p.page("pc.ram", 0, 1).page("pc.ram", 1, 2).zero("pc.ram", 2))
                .part(p -> p.zero("pc.ram", 0).fill("pc.ram", 3, 0xee))
                .end(p -> p.page("pc.ram", 2, 3).page("pc.ram", 1, 4).fill("x", 1, 7)))) {
      assertArrayEquals(filled(0), page(snapshot, 0, 0)); // data, then zeros
      assertArrayEquals(PageItems.pattern(4096, 4), page(snapshot, 0, 1));
      assertArrayEquals(PageItems.pattern(4096, 3), page(snapshot, 0, 2)); // zeros, then data
      assertArrayEquals(filled(0xee), page(snapshot, 0, 3));
      assertArrayEquals(filled(0), page(snapshot, 0, 4)); // never sent
      assertArrayEquals(filled(7), page(snapshot, 1, 1));
      assertEquals(new RamIndex.Counts(2, 2, 4, 3), snapshot.index().counts(0));
      assertTrue(snapshot.index().rewritten(0, 0));
    }
  }

  /** The block an item continues is remembered from one section to the next. */
  @Test
  void aSectionMayBeginWithAContinuedBlock() throws Exception {
    try (StreamSnapshot snapshot =
        open(
            pc().part(p -> p.page("x", 0, 1))
                .command(11)
                .part(p -> p.page("x", 1, 2).page("pc.ram", 1, 3))
                .end(p -> p.page("pc.ram", 0, 5).named().page("pc.ram", 2, 6)))) {
      assertArrayEquals(PageItems.pattern(4096, 2), page(snapshot, 1, 1));
      assertArrayEquals(PageItems.pattern(4096, 5), page(snapshot, 0, 0));
      assertArrayEquals(PageItems.pattern(4096, 6), page(snapshot, 0, 2));
    }
  }

  @Test
  void readsAcrossPagesGiveTheBytesOfEach() throws Exception {
    try (StreamSnapshot snapshot =
        open(pc().end(p -> p.page("pc.ram", 0, 1).fill("pc.ram", 1, 9).page("pc.ram", 2, 2)))) {
      ByteBuffer bytes = ByteBuffer.allocate(4096 + 200);
      snapshot.memory().readBlock(0, 4096 - 100, bytes);
      byte[] expected = new byte[4096 + 200];
      System.arraycopy(PageItems.pattern(4096, 1), 3996, expected, 0, 100);
      Arrays.fill(expected, 100, 4196, (byte) 9);
      System.arraycopy(PageItems.pattern(4096, 2), 0, expected, 4196, 100);
      assertArrayEquals(expected, bytes.array());
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> snapshot.memory().readBlock(0, 0x8000 - 1, ByteBuffer.allocate(2)));
      assertEquals(new MemoryMap.Range(0, 0x8000, 0, 0), snapshot.memoryMap().ranges().get(0));
    }
  }

  @Test
  void pagesOf64KibAreReadThroughTheSameBuffer() throws Exception {
    MigrationStreamBuilder stream =
        new MigrationStreamBuilder("virt-7.2")
            .targetPageBits(16)
            .block("ram", 0x400000)
            .end(p -> p.pages("ram", 0, 64, 1));
    try (StreamSnapshot snapshot = open(stream)) {
      for (int page = 0; page < 64; page++) {
        assertArrayEquals(PageItems.pattern(65536, 1 + page), page(snapshot, 0, page));
      }
    }
  }

  /** Deltas change the page as it is so far: data, zeros, a delta's result, or nothing. */
  @Test
  void deltasChangeThePageAsItIsSoFar() throws Exception {
    byte[] first = PageItems.pattern(4096, 1);
    byte[] once = first.clone();
    once[0] = 9;
    byte[] twice = once.clone();
    twice[4095] = 8;
    byte[] zeros = new byte[4096];
    zeros[5] = 7;
    try (StreamSnapshot snapshot =
        open(
            pc().part(p -> p.page("pc.ram", 0, 1).zero("pc.ram", 1).page("pc.ram", 3, 2))
                .part(p -> p.delta("pc.ram", 0, new byte[] {0, 1, 9}))
                .part(p -> p.delta("pc.ram", 0, new byte[] {(byte) 0xff, 0x1f, 1, 8}))
                .part(p -> p.delta("pc.ram", 1, new byte[] {5, 1, 7}))
                .part(p -> p.delta("x", 1, new byte[] {5, 1, 7}).delta("pc.ram", 3, new byte[0]))
                .part(p -> p.delta("pc.ram", 4, new byte[] {0, 1, 9}).page("pc.ram", 4, 5))
                .end(
                    p ->
                        p.compressed("pc.ram", 5, first)
                            .delta("pc.ram", 5, new byte[] {0, 1, 9})))) {
      assertArrayEquals(twice, page(snapshot, 0, 0));
      assertArrayEquals(zeros, page(snapshot, 0, 1));
      assertArrayEquals(zeros, page(snapshot, 1, 1));
      assertArrayEquals(PageItems.pattern(4096, 2), page(snapshot, 0, 3));
      assertArrayEquals(PageItems.pattern(4096, 5), page(snapshot, 0, 4)); // data after a delta
      assertArrayEquals(once, page(snapshot, 0, 5));
      assertEquals(RamIndex.Kind.DELTA, snapshot.index().kind(0, 0));
      assertEquals(RamIndex.Kind.DATA, snapshot.index().kind(0, 4));
      assertEquals(5, snapshot.index().counts(0).data());
      assertTrue(snapshot.index().rewritten(0, 0));
      // a second scan starts anew
      List<Integer> seen = new ArrayList<>();
      snapshot.scan(
          new PageVisitor() {
            @Override
            public void data(int block, long page, ByteBuffer bytes, int at, long offset) {
              if (block == 0 && page == 0) {
                seen.add(bytes.get(at) & 0xff);
                seen.add(bytes.get(at + 4095) & 0xff);
              }
            }

            @Override
            public void fill(int block, long page, int value) {}
          });
      assertEquals(List.of(first[0] & 0xff, first[4095] & 0xff, 9, first[4095] & 0xff, 9, 8), seen);
      assertArrayEquals(twice, page(snapshot, 0, 0));
    }
  }

  @Test
  void compressedPagesAreInflatedWhenTheyAreRead() throws Exception {
    byte[] noise = new byte[4096];
    new SplittableRandom(1).nextBytes(noise); // longer compressed than not
    try (StreamSnapshot snapshot =
        open(
            pc().part(p -> p.compressed("pc.ram", 0, noise).compressed("pc.ram", 1, new byte[4096]))
                .part(p -> p.page("pc.ram", 2, 3).compressed("pc.ram", 2, filled(4)))
                .end(p -> p.compressed("pc.ram", 3, filled(4)).zero("pc.ram", 3)))) {
      assertArrayEquals(noise, page(snapshot, 0, 0));
      assertArrayEquals(filled(0), page(snapshot, 0, 1));
      assertArrayEquals(filled(4), page(snapshot, 0, 2));
      assertArrayEquals(filled(0), page(snapshot, 0, 3));
      ByteBuffer some = ByteBuffer.allocate(6000);
      snapshot.memory().readBlock(0, 4000, some);
      assertEquals(noise[4095], some.get(95));
      assertEquals(4, some.get(4192));
      assertEquals(RamIndex.Kind.DEFLATED, snapshot.index().kind(0, 2));
      assertEquals(new RamIndex.Counts(3, 1, 4, 2), snapshot.index().counts(0));
      assertTrue(snapshot.index().hasDeflated());
    }
  }

  @Test
  void deltasAndCompressedPagesThatAreNoneAreRefused() throws Exception {
    refused(p -> p.delta("pc.ram", 0, new byte[] {1, 0}), "an XBZRLE delta of 0x2 bytes");
    refused(p -> p.delta("pc.ram", 0, new byte[4097]), "XBZRLE encoding 1 of 0x1001 bytes");
    refused(p -> p.page("pc.ram", 0, 1).word(0x60).raw(new byte[] {2, 0, 0}), "XBZRLE encoding 2");
    refused(p -> p.compressed("pc.ram", 0, new byte[4095]), "holds 4095 bytes, 4096 expected");
    refused(p -> p.compressed("pc.ram", 0, new byte[4097]), "holds more than 4096 bytes");
    refused(p -> p.compressed("pc.ram", 0, new byte[1 << 18]), "holds more than 4096 bytes");
    refused(
        p -> p.page("pc.ram", 0, 1).word(0x120).raw(new byte[] {0, 0, 0, 2, 0x78, 0x01}),
        "holds 0 bytes, 4096 expected");
    refused(
        p -> p.page("pc.ram", 0, 1).word(0x120).raw(new byte[] {0, 0, 0, 2, 1, 2}),
        "is no zlib stream");
    for (int length : new int[] {0, -1, 4111, 1 << 30}) {
      byte[] bytes = ByteBuffer.allocate(4).putInt(length).array();
      refused(
          p -> p.page("pc.ram", 0, 1).word(0x120).raw(bytes),
          "a compressed page of %d bytes".formatted(length & 0xffff_ffffL));
    }
  }

  /** Before QEMU 8.0 nothing but what is missing tells that pages went elsewhere. */
  @Test
  void firmwareThatIsAllZerosIsMissing() throws Exception {
    try (StreamSnapshot snapshot =
        open(
            new MigrationStreamBuilder("pc-i440fx-7.2")
                .block("pc.ram", 0x8000)
                .block("pc.bios", 0x4000)
                .end(p -> p.zeros("pc.ram", 2, 6).zeros("pc.bios", 0, 2)))) {
      FormatException e = assertThrows(UnsupportedFormatException.class, snapshot::index);
      assertTrue(e.getMessage().contains("a multifd stream"), e.getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0x8028, page offset 0x8000 in RAM block 'pc.ram'",
    "0x8000000000000028, page offset",
    "0x7ffffffffffff022, page offset",
    "0x0, RAM item flags 0x0",
    "0x1, RAM item flags 0x1",
    "0x2a, RAM item flags 0x2a",
    "0x38, RAM item flags 0x38",
    "0x428, RAM item flags 0x428",
    "0x148, RAM item flags 0x148",
    "0x80, an RDMA stream",
    "0x200, a multifd stream",
  })
  void itemsNobodyWritesAreRefusedWithTheirPlace(String word, String part) throws Exception {
    long value = Long.parseUnsignedLong(word.substring(2), 16);
    try (StreamSnapshot snapshot = open(pc().end(p -> p.page("pc.ram", 0, 1).word(value)))) {
      FormatException e = assertThrows(FormatException.class, snapshot::index);
      assertTrue(e.getMessage().contains("at offset 0x"), e.getMessage());
      assertTrue(e.getMessage().contains(part), e.getMessage());
      assertEquals(part.startsWith("a"), e instanceof UnsupportedFormatException);
    }
  }

  @Test
  void aBlockTheListLacksAndAContinuationOfNoneAreRefused() throws Exception {
    refused(p -> p.word(0x28), "before any block was named");
    byte[] stream = pc().end(p -> p.zero("pc.ram", 0)).build();
    int at = new String(stream, java.nio.charset.StandardCharsets.ISO_8859_1).lastIndexOf("pc.ram");
    stream[at] = 'q';
    Path file = Files.write(dir.resolve("b.mig"), stream);
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      FormatException e = assertThrows(FormatException.class, snapshot::index);
      assertTrue(e.getMessage().contains("'qc.ram', which the block list lacks"), e.getMessage());
    }
  }

  private void refused(Consumer<PageItems> items, String part) throws IOException {
    try (StreamSnapshot snapshot = open(pc().end(items))) {
      FormatException e = assertThrows(FormatException.class, snapshot::index);
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }
}
