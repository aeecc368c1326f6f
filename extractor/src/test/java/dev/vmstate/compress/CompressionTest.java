package dev.vmstate.compress;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.UnsupportedFormatException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The judges are the programs themselves, both ways. */
class CompressionTest {
  private static final byte[] PAGES = Contents.pages(300, 1);
  private static final byte[] FEW = Contents.pages(6, 2);

  @TempDir private Path dir;

  static byte[] compressed(Compression compression, byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (OutputStream packing = compression.compress(out)) {
      // In pieces of odd sizes, as a copy with edits in it comes.
      for (int at = 0, step = 1; at < bytes.length; at += step, step = step * 3 + 1) {
        packing.write(bytes, at, Math.min(step, bytes.length - at));
      }
    }
    return out.toByteArray();
  }

  static byte[] decompressed(Compression compression, byte[] packed) throws IOException {
    try (InputStream in =
        compression.decompress("a.mig", new ByteArrayInputStream(packed), 0x100)) {
      return in.readAllBytes();
    }
  }

  static byte[] joined(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  @ParameterizedTest
  @EnumSource
  void theProgramReadsWhatIsWritten(Compression compression) throws Exception {
    byte[] packed = compressed(compression, PAGES);
    assertTrue(packed.length < PAGES.length / 2);
    assertArrayEquals(PAGES, Program.run(dir, packed, compression.toString(), "-dc"));
    assertArrayEquals(
        new byte[0],
        Program.run(dir, compressed(compression, new byte[0]), compression.toString(), "-dc"));
  }

  @ParameterizedTest
  @CsvSource({
    "gzip -c",
    "gzip -1c",
    "bzip2 -c",
    "bzip2 -1c",
    "xz -3c",
    "xz -9c",
    "xz -0c --check=sha256",
    "xz -1c --block-size=100000",
    "lzop -c",
    "lzop -1c",
    "lzop -9c",
    "lzop -cF",
    "lzop -c --crc32",
    "zstd -c",
    "zstd -19c",
    "zstd -c --no-check",
    "zstd -c --long=27",
    "lz4 -c",
    "lz4 -cBD",
    "lz4 -9cBDB4BX",
    "lz4 -c --no-frame-crc",
    "lz4 -c --content-size"
  })
  void whatTheProgramWritesIsRead(String line) throws Exception {
    String[] command = line.split(" ");
    byte[] packed = Program.run(dir, PAGES, command);
    Compression compression = Compression.detect(Arrays.copyOf(packed, 9)).orElseThrow();
    assertEquals(command[0], compression.toString());
    assertArrayEquals(PAGES, decompressed(compression, packed));
    byte[] second = Program.run(dir, FEW, command);
    assertArrayEquals(
        joined(PAGES, FEW),
        decompressed(compression, joined(packed, second)),
        "two members, as 'cat a b' makes them");
    assertArrayEquals(
        joined(FEW, PAGES),
        decompressed(compression, joined(second, new byte[512], packed, new byte[4096])),
        "zeros are padding");
  }

  @Test
  void fileNamesAndSkippableFramesAreNotContents() throws Exception {
    byte[] named = Program.run(dir, PAGES, "gzip", "-c", dir.resolve("in").toString());
    assertTrue((named[3] & 8) != 0, "flag FNAME");
    assertArrayEquals(PAGES, decompressed(Compression.GZIP, named));
    byte[] lzop = Program.run(dir, PAGES, "lzop", "-c", dir.resolve("in").toString());
    assertArrayEquals(PAGES, decompressed(Compression.LZOP, lzop));
    byte[] skippable = {0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3};
    byte[] frame = compressed(Compression.ZSTD, FEW);
    assertEquals(Optional.of(Compression.ZSTD), Compression.detect(skippable));
    assertArrayEquals(
        FEW, decompressed(Compression.ZSTD, joined(skippable, frame, skippable)), "as pzstd does");
  }

  @Test
  void aGzipHeaderMayHaveEverythingInIt() throws IOException {
    byte[] plain = compressed(Compression.GZIP, FEW);
    byte[] body = Arrays.copyOfRange(plain, 10, plain.length);
    byte[] head = {
      0x1f, (byte) 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, 'x', 'y', 'n', 0, 'c', 'c', 0
    };
    java.util.zip.CRC32 crc = new java.util.zip.CRC32();
    crc.update(head);
    byte[] sum = {(byte) crc.getValue(), (byte) (crc.getValue() >> 8)};
    assertArrayEquals(FEW, decompressed(Compression.GZIP, joined(head, sum, body)));
    sum[0] ^= 1;
    refused(Compression.GZIP, joined(head, sum, body), "the header's checksum is");
    byte[] endless = new byte[200_000];
    Arrays.fill(endless, (byte) 'n');
    head[3] = 8;
    refused(
        Compression.GZIP,
        joined(Arrays.copyOf(head, 10), endless),
        "a name of more than 64 KiB in the header");
  }

  private static FormatException refused(Compression compression, byte[] packed, String why) {
    FormatException e =
        assertThrows(FormatException.class, () -> decompressed(compression, packed));
    assertTrue(e.getMessage().startsWith("a.mig: at offset 0x"), e.getMessage());
    assertTrue(e.getMessage().contains(why), e.getMessage());
    assertTrue(e.offset() >= 0x100 && e.offset() <= 0x100 + packed.length, "offset " + e.offset());
    return e;
  }

  @ParameterizedTest
  @EnumSource
  void whatIsCutShortIsReportedWherever(Compression compression) throws IOException {
    byte[] packed = compressed(compression, FEW);
    TreeSet<Integer> cuts = new TreeSet<>();
    for (int i = 0; i < 40; i++) {
      cuts.add(Compression.MAGIC_BYTES + i);
      cuts.add(packed.length - 1 - i);
      cuts.add(Compression.MAGIC_BYTES + i * (packed.length / 41));
    }
    for (int cut : cuts) {
      FormatException e =
          refused(compression, Arrays.copyOf(packed, cut), "data is cut short here");
      assertEquals(0x100 + cut, e.offset(), "cut at " + cut);
    }
    byte[] second = Arrays.copyOf(joined(packed, packed), packed.length + 20);
    refused(compression, second, "the %s data is cut short here".formatted(compression));
  }

  @ParameterizedTest
  @EnumSource
  void damageIsReportedAndNothingElseHappens(Compression compression) throws IOException {
    byte[] packed = compressed(compression, FEW);
    long seed = Long.getLong("vmstate.seed", 7);
    Random random = new Random(seed);
    int noticed = 0;
    for (int i = 0; i < 400; i++) {
      byte[] damaged = packed.clone();
      int at = random.nextInt(damaged.length);
      damaged[at] ^= (byte) (1 << random.nextInt(8));
      try {
        byte[] bytes = decompressed(compression, damaged);
        if (!Arrays.equals(FEW, bytes)) {
          assertTrue(at < 40, "seed %d: a wrong byte at %d was not noticed".formatted(seed, at));
        }
      } catch (FormatException e) {
        noticed++;
      }
    }
    assertTrue(noticed > 300, noticed + " of 400, seed " + seed);
  }

  @ParameterizedTest
  @EnumSource
  void otherBytesBehindAMemberEndTheData(Compression compression) throws IOException {
    byte[] packed = compressed(compression, FEW);
    Decompressor in =
        compression.decompress(
            "a.mig",
            new ByteArrayInputStream(joined(packed, new byte[10], "QEVM".getBytes("ASCII"))),
            0);
    assertArrayEquals(FEW, in.readAllBytes());
    assertTrue(in.trailing());
    assertEquals(packed.length + 10, in.position());
    Decompressor clean = compression.decompress("a.mig", new ByteArrayInputStream(packed), 0);
    assertArrayEquals(FEW, clean.readAllBytes());
    assertFalse(clean.trailing());
    refused(compression, new byte[100], "no %s data begins here".formatted(compression));
  }

  @Test
  void aDecoderThatWouldTakeTooMuchMemoryIsNotStarted() throws Exception {
    byte[] xz = Program.run(dir, FEW, "xz", "-c", "--lzma2=preset=0,dict=300MiB");
    UnsupportedFormatException e =
        assertThrows(UnsupportedFormatException.class, () -> decompressed(Compression.XZ, xz));
    assertTrue(
        e.getMessage()
            .endsWith(
                "its dictionary takes 384 MiB of memory, 100 are allowed: decompress the file"
                    + " first ('xz -dc FILE > OTHER')"),
        e.getMessage());
    byte[] zstd = Program.run(dir, PAGES, "zstd", "-c", "--ultra", "--long=28");
    UnsupportedFormatException z =
        assertThrows(UnsupportedFormatException.class, () -> decompressed(Compression.ZSTD, zstd));
    assertTrue(z.getMessage().contains("its window takes more than 128 MiB"), z.getMessage());
  }

  @Test
  void anLzopBlockIsNoLongerThanItSays() throws IOException {
    byte[] packed = compressed(Compression.LZOP, FEW);
    int block = indexOf(packed, new byte[] {0, 0, (byte) (FEW.length >> 8), (byte) FEW.length});
    packed[block] = 0x7f;
    refused(Compression.LZOP, packed, "at most 16 MiB are read");
    packed[block] = 0;
    packed[block + 4] = 1;
    refused(Compression.LZOP, packed, "is packed into");
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    for (int at = 0; ; at++) {
      if (Arrays.equals(part, Arrays.copyOfRange(bytes, at, at + part.length))) {
        return at;
      }
    }
  }

  @Test
  void aDiskThatFailsIsNoDamage() throws IOException {
    byte[] packed = compressed(Compression.GZIP, PAGES);
    IOException disk = new IOException("Input/output error");
    InputStream failing =
        new InputStream() {
          private int at;

          @Override
          public int read() throws IOException {
            if (at == 100_000) {
              throw disk;
            }
            return packed[at++] & 0xff;
          }
        };
    InputStream in = Compression.GZIP.decompress("a.mig", failing, 0);
    assertSame(disk, assertThrows(IOException.class, in::readAllBytes));
  }
}
