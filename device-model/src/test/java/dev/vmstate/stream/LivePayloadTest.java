package dev.vmstate.stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Payloads of {@code block} and {@code dirty-bitmap} sections. */
class LivePayloadTest {
  private interface Walk {
    void pass(Cursor in) throws IOException;
  }

  private static long length(Walk walk, byte[] payload) throws IOException {
    Cursor in = Cursor.of(ByteSource.of("a.mig", payload));
    walk.pass(in);
    return in.position();
  }

  /** What stands behind is not touched, and no shorter payload is one. */
  private static void passes(Walk walk, byte[] payload, int step) throws IOException {
    assertEquals(payload.length, length(walk, Arrays.copyOf(payload, payload.length + 9)));
    for (int cut = 0; cut < payload.length; cut += step) {
      byte[] prefix = Arrays.copyOf(payload, cut);
      FormatException e = assertThrows(FormatException.class, () -> length(walk, prefix));
      assertTrue(e.getMessage().contains("at offset 0x"), e.getMessage());
    }
  }

  private static byte[] word(long value) {
    return ByteBuffer.allocate(8).putLong(value).array();
  }

  @Test
  void diskBlocksZeroBlocksAndProgressArePassedOver() throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] name = "\6drive0".getBytes(StandardCharsets.ISO_8859_1);
    byte[] disk = new byte[1 << 20];
    Arrays.fill(disk, (byte) 0x7e); // anything may stand on a disk
    out.writeBytes(word(7 << 9 | 4));
    out.writeBytes(word(0x800L << 9 | 1));
    out.writeBytes(name);
    out.writeBytes(disk);
    out.writeBytes(word(0x1000L << 9 | 9));
    out.writeBytes(name);
    out.writeBytes(word(100L << 9 | 4));
    out.writeBytes(word(2));
    passes(BlockMigration::pass, out.toByteArray(), 4001);
    passes(BlockMigration::pass, word(2), 1);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 3, 5, 8, 0x10, 0x100, -1})
  void diskBlockFlagsNobodyWritesAreRefused(long word) {
    FormatException e =
        assertThrows(FormatException.class, () -> length(BlockMigration::pass, word(word)));
    assertTrue(e.getMessage().contains("block migration flags"), e.getMessage());
  }

  @Test
  void dirtyBitmapsArePassedOver() throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] names = "\2d0\2b0".getBytes(StandardCharsets.ISO_8859_1);
    out.write(0x1c); // START with both names
    out.writeBytes(names);
    out.writeBytes(new byte[] {0, 1, 0, 0, 3});
    out.write(0x40); // BITS
    out.writeBytes(word(0));
    out.writeBytes(new byte[] {0, 2, 0, 0});
    out.writeBytes(word(32));
    out.writeBytes(new byte[32]);
    out.write(0x42); // BITS, all zero
    out.writeBytes(word(0x20000));
    out.writeBytes(new byte[] {0, 2, 0, 0});
    out.write(0x24); // COMPLETE with another bitmap's name
    out.writeBytes(new byte[] {1, 'c'});
    out.write(1); // EOS
    passes(DirtyBitmaps::pass, out.toByteArray(), 1);
    passes(DirtyBitmaps::pass, new byte[] {1}, 1);
  }

  @ParameterizedTest
  @ValueSource(ints = {0x80, 0xc1, 0, 0x0c, 0x50, 0x30, 0x41, 0x22, 0x03})
  void dirtyBitmapFlagsNobodyWritesAreRefused(int flags) {
    byte[] payload = {(byte) flags, 0, 0, 0, 0};
    FormatException e =
        assertThrows(FormatException.class, () -> length(DirtyBitmaps::pass, payload));
    assertTrue(e.getMessage().contains("dirty bitmap flags"), e.getMessage());
  }

  @Test
  void dirtyBitsLongerThanTheFileAreRefused() {
    for (long length : new long[] {21, Long.MAX_VALUE, -1}) {
      byte[] payload =
          ByteBuffer.allocate(41).put((byte) 0x40).putLong(0).putInt(8).putLong(length).array();
      assertThrows(FormatException.class, () -> length(DirtyBitmaps::pass, payload));
    }
  }
}
