package dev.vmstate.compress;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.bytes.WindowedSource;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ForwardSourceTest {
  private static final int MIB = 1 << 20;
  private static final byte[] BYTES = bytes(9 * MIB + 4711);

  @TempDir private Path dir;

  private static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    new Random(3).nextBytes(bytes);
    Arrays.fill(bytes, 4 * MIB - 5000, 6 * MIB + 5000, (byte) 0);
    return bytes;
  }

  /** Gives a few bytes at a time, as pipes do, and counts how often it was opened. */
  private static final class Array implements Feed {
    private final byte[] bytes;
    private final boolean again;
    private int opened;
    private int at;

    Array(byte[] bytes, boolean again) {
      this.bytes = bytes;
      this.again = again;
    }

    @Override
    public InputStream open() {
      opened++;
      at = 0;
      return new InputStream() {
        @Override
        public int read() {
          throw new AssertionError("byte by byte");
        }

        @Override
        public int read(byte[] into, int from, int length) {
          int part = Math.min(Math.min(length, 30_000), bytes.length - at);
          if (part == 0) {
            return -1;
          }
          System.arraycopy(bytes, at, into, from, part);
          at += part;
          return part;
        }
      };
    }

    @Override
    public boolean again() {
      return again;
    }

    @Override
    public long consumed() {
      return at;
    }
  }

  private static void same(ByteSource source, int from, int length) throws IOException {
    assertArrayEquals(
        Arrays.copyOfRange(BYTES, from, from + length), source.bytes(new Span(from, length)));
  }

  @Test
  void theFrontAndTheLatestBytesCanBeReadAgain() throws IOException {
    Array feed = new Array(BYTES, false);
    ForwardSource source = new ForwardSource("pipe", feed, 3);
    same(source, 0, 100);
    assertEquals(ByteSource.UNKNOWN_SIZE, source.size());
    same(source, 5 * MIB + 17, 2 * MIB);
    same(source, 5 * MIB, 100);
    same(source, 2 * MIB - 100, 100);
    same(source, 0, 2 * MIB);
    assertEquals(0, source.readSome(BYTES.length, ByteBuffer.allocate(10)));
    assertEquals(BYTES.length, source.size());
    same(source, 7 * MIB, BYTES.length - 7 * MIB);
    ByteBuffer last = ByteBuffer.allocate(100);
    assertEquals(7, source.readSome(BYTES.length - 7, last));
    assertThrows(EOFException.class, () -> source.read(BYTES.length - 7, ByteBuffer.allocate(8)));
    assertEquals(1, feed.opened);
    UnsupportedFormatException gone =
        assertThrows(UnsupportedFormatException.class, () -> same(source, 3 * MIB, 1));
    assertEquals(
        "pipe: at offset 0x300000: these bytes came through a pipe and have passed: save the"
            + " snapshot to a file, and name that",
        gone.getMessage());
    same(source, BYTES.length - 10, 10);
  }

  @Test
  void whatHasPassedIsReadFromTheFrontAgainWhereThatIsPossible() throws IOException {
    Array feed = new Array(BYTES, true);
    ForwardSource source = new ForwardSource("a.gz", feed, 3);
    Random random = new Random(5);
    for (int i = 0; i < 300; i++) {
      int from = random.nextInt(BYTES.length);
      same(source, from, random.nextInt(Math.min(200_000, BYTES.length - from)));
    }
    assertTrue(feed.opened > 10, feed.opened + " times");
  }

  @Test
  void theEndIsReachedOnlyIfNothingAskedForIsLost() throws IOException {
    ForwardSource source = new ForwardSource("pipe", new Array(BYTES, false), 3);
    assertFalse(source.reachEnd(0));
    assertEquals(ByteSource.UNKNOWN_SIZE, source.size());
    same(source, 0, 3 * MIB);
    assertFalse(source.reachEnd(5 * MIB));
    same(source, 5 * MIB, 100);
    assertTrue(source.reachEnd(8 * MIB));
    assertEquals(BYTES.length, source.size());
    same(source, 8 * MIB - 1000, BYTES.length - 8 * MIB + 1000);
    assertFalse(source.reachEnd(0), "the end is known, but not all of it is there");
  }

  @Test
  void finishingKeepsTheWindowAndTellsTheSize() throws IOException {
    Array feed = new Array(BYTES, false);
    ForwardSource source = new ForwardSource("pipe", feed, 3);
    same(source, 4 * MIB, MIB);
    source.finish();
    assertEquals(BYTES.length, source.size());
    assertEquals(BYTES.length, source.consumed());
    same(source, 3 * MIB, 2 * MIB);
    assertThrows(UnsupportedFormatException.class, () -> same(source, 5 * MIB + 70_000, 1));
    ForwardSource again = new ForwardSource("a.gz", new Array(BYTES, true), 3);
    same(again, 4 * MIB, MIB);
    again.finish();
    same(again, 8 * MIB, MIB);
    same(again, 1, MIB);
  }

  @Test
  void spilledItIsAFileLikeAnyOtherAndLeavesNoName() throws IOException {
    for (boolean pipe : new boolean[] {true, false}) {
      try (ForwardSource source = new ForwardSource("a.gz", new Array(BYTES, !pipe), 3)) {
        same(source, 0, pipe ? MIB + 5 : 6 * MIB);
        assertTrue(source.forward());
        source.scratch(dir);
        source.spill(Progress.NONE);
        assertFalse(source.forward());
        assertTrue(source.again());
        assertEquals(BYTES.length, source.size());
        same(source, 0, BYTES.length);
        same(source, 7, 5 * MIB);
        assertEquals(0, source.readSome(BYTES.length, ByteBuffer.allocate(1)));
        try (var files = Files.list(dir)) {
          assertEquals(0, files.count());
        }
        source.spilled().write(ByteBuffer.wrap(new byte[] {42}), 5 * MIB);
        assertEquals(42, source.bytes(new Span(5 * MIB, 1))[0]);
      }
    }
  }

  @Test
  void aPipeThatHasPassedIsNotSpilled() throws IOException {
    ForwardSource source = new ForwardSource("pipe", new Array(BYTES, false), 3);
    same(source, 3 * MIB, 1);
    assertThrows(UnsupportedFormatException.class, () -> source.spill(Progress.NONE));
  }

  @Test
  void aSpillEndsWithZerosWhereTheBytesDo() throws IOException {
    byte[] zeros = new byte[3 * MIB + 1];
    zeros[0] = 1;
    try (ForwardSource source = new ForwardSource("a.gz", new Array(zeros, true))) {
      source.scratch(dir);
      source.spill(Progress.NONE);
      assertArrayEquals(zeros, source.bytes(new Span(0, zeros.length)));
    }
  }

  @Test
  void moreThanTheLimitIsRefusedWhicheverWayItIsRead() throws IOException {
    String why = "too much for this machine";
    ForwardSource reading = new ForwardSource("a.gz", new Array(BYTES, true), 3);
    reading.limit(5 * MIB, 5 * MIB, why);
    same(reading, 4 * MIB, 1000);
    FormatException e = assertThrows(FormatException.class, () -> same(reading, 6 * MIB, 1));
    assertEquals("a.gz: at offset 0x500000: too much for this machine", e.getMessage());
    assertSame(e, assertThrows(FormatException.class, () -> same(reading, 7 * MIB, 1)));
    ForwardSource spilling = new ForwardSource("a.gz", new Array(BYTES, true), 3);
    spilling.limit(5 * MIB, 5 * MIB, why);
    assertThrows(FormatException.class, () -> spilling.spill(Progress.NONE));
    ForwardSource finishing = new ForwardSource("a.gz", new Array(BYTES, false), 3);
    finishing.limit(5 * MIB, 5 * MIB, why);
    same(finishing, 0, MIB);
    finishing.finish();
    assertTrue(finishing.size() < 5 * MIB + MIB, "what follows a stream is nobody's fault");
  }

  @Test
  void decodersFindTheEndByReading() throws IOException {
    byte[] few = {1, 2, 3, 4, 5};
    Cursor in = Cursor.of(new ForwardSource("a.gz", new Array(few, false)));
    assertEquals(0x01020304, in.u32("word"));
    assertEquals(5, in.peek());
    FormatException e = assertThrows(FormatException.class, () -> in.u16("next"));
    assertEquals(
        "a.gz: at offset 0x4: 'next' needs 2 bytes, 1 left (is the file cut short?)",
        e.getMessage());
    assertEquals(5, in.u8("last"));
    assertEquals(-1, in.peek());
    Cursor windowed =
        Cursor.of(new WindowedSource(new ForwardSource("a.gz", new Array(few, false)), 1000));
    FormatException text = assertThrows(FormatException.class, () -> windowed.text(6, "name"));
    assertEquals(
        "a.gz: at offset 0x0: 'name' needs 6 bytes, 5 left (is the file cut short?)",
        text.getMessage());
  }

  @Test
  void damageIsReportedAtEveryLaterReadToo() throws IOException {
    byte[] packed = CompressionTest.compressed(Compression.GZIP, BYTES);
    packed[packed.length / 2] ^= 1;
    Feed feed =
        new Feed() {
          @Override
          public InputStream open() {
            return Compression.GZIP.decompress("a.gz", new ByteArrayInputStream(packed), 0);
          }

          @Override
          public boolean again() {
            return true;
          }

          @Override
          public long consumed() {
            return 0;
          }
        };
    ForwardSource source = new ForwardSource("a.gz (decompressed)", feed, 3);
    same(source, 0, 1000);
    FormatException e =
        assertThrows(FormatException.class, () -> source.bytes(new Span(0, BYTES.length + 1)));
    assertTrue(e.getMessage().startsWith("a.gz: at offset 0x"), e.getMessage());
    assertSame(
        e, assertThrows(FormatException.class, () -> source.bytes(new Span(BYTES.length, 1))));
    same(source, 0, 1000);
  }
}
