package dev.vmstate.libvirt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What is written for a save image that was none before, judged by the format's offsets. */
class NewSaveImageTest {
  private static final byte[] XML = "<domain type='kvm'/>".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] COOKIE = "<cookie/>".getBytes(StandardCharsets.US_ASCII);

  @Test
  void headerXmlAndCookieStandWhereLibvirtLooks() {
    byte[] front = SaveImage.create(XML, Optional.of(COOKIE), true, SaveFormat.RAW).front();
    ByteBuffer header = ByteBuffer.wrap(front).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals("LibvirtQemudSave", new String(front, 0, 16, StandardCharsets.US_ASCII));
    assertEquals(2, header.getInt(16));
    assertEquals(front.length - 92, header.getInt(20));
    assertEquals(1, header.getInt(24));
    assertEquals(0, header.getInt(28));
    assertEquals(21, header.getInt(32));
    for (int at = 36; at < 92; at++) {
      assertEquals(0, front[at]);
    }
    assertArrayEquals(XML, Arrays.copyOfRange(front, 92, 112));
    assertEquals(0, front[112]);
    assertArrayEquals(COOKIE, Arrays.copyOfRange(front, 113, 122));
    assertEquals(0, front.length % 4096);
    assertEquals(true, front.length - 123 >= 65536, "room for a longer XML");
    for (int at = 122; at < front.length; at++) {
      assertEquals(0, front[at]);
    }
  }

  @Test
  void withoutCookieAndPaused() {
    byte[] front = SaveImage.create(XML, Optional.empty(), false, SaveFormat.ZSTD).front();
    ByteBuffer header = ByteBuffer.wrap(front).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(0, header.getInt(24));
    assertEquals(5, header.getInt(28));
    assertEquals(0, header.getInt(32));
  }
}
