package dev.vmstate.core.debuginfo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.io.EOFException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.Deflater;
import org.junit.jupiter.api.Test;

class InflatedSectionTest {
  private final byte[] plain = new byte[300_000];

  InflatedSectionTest() {
    new Random(1).nextBytes(plain);
    Arrays.fill(plain, 1000, 200_000, (byte) 7);
  }

  @Test
  void zstdOfA64BitFileAndZlibOfA32BitOne() throws Exception {
    byte[] zstd = section(true, 2, plain.length, Zstd.compress(plain));
    byte[] zlib = section(false, 1, plain.length, deflated());
    for (byte[] section : new byte[][] {zstd, zlib}) {
      ByteSource source =
          InflatedSection.of(ByteSource.of("x", section), section == zstd, ".debug_info");
      assertArrayEquals(plain, source.bytes(new Span(0, source.size())));
      ByteBuffer middle = ByteBuffer.allocate(3);
      source.read(plain.length - 3, middle);
      assertThrows(EOFException.class, () -> source.read(plain.length, middle.clear()));
    }
  }

  @Test
  void whatDoesNotDecompressIsRefused() {
    refused(section(true, 3, 10, deflated()), "ch_type 3");
    refused(section(true, 1, plain.length + 1, deflated()), "decompresses to 0x493e0 bytes");
    refused(section(true, 1, 10, new byte[] {1, 2, 3}), "does not decompress");
    refused(section(true, 2, 10, new byte[] {1, 2, 3}), "does not decompress");
    refused(section(true, 2, 1L << 40, deflated()), "at most");
    refused(new byte[20], "no room");
  }

  private static void refused(byte[] section, String why) {
    FormatException e =
        assertThrows(
            FormatException.class,
            () -> InflatedSection.of(ByteSource.of("x", section), true, ".debug_info"));
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }

  private byte[] deflated() {
    Deflater deflater = new Deflater();
    deflater.setInput(plain);
    deflater.finish();
    byte[] out = new byte[plain.length + 1000];
    int length = deflater.deflate(out);
    deflater.end();
    return Arrays.copyOf(out, length);
  }

  private static byte[] section(boolean wide, int type, long size, byte[] body) {
    ByteBuffer out =
        ByteBuffer.allocate((wide ? 24 : 12) + body.length).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(type);
    if (wide) {
      out.putInt(0).putLong(size).putLong(1);
    } else {
      out.putInt((int) size).putInt(1);
    }
    return out.put(body).array();
  }
}
