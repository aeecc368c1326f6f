package dev.vmstate.libvirt;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.fixtures.LibvirtSaveBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SaveImageTest {
  private static final byte[] QEVM = {'Q', 'E', 'V', 'M', 0, 0, 0, 3};

  private static SaveImage read(byte[] bytes) throws IOException {
    return SaveImage.read(ByteSource.of("vm.save", bytes));
  }

  private static String refused(byte[] bytes) {
    return assertThrows(FormatException.class, () -> read(bytes)).getMessage();
  }

  /** Written down from the format's description by hand, byte for byte. */
  private static byte[] worked() {
    String hex =
        "4c69627669727451656d756453617665" // LibvirtQemudSave
            + "02000000" // version
            + "40000000" // data_len 64
            + "01000000" // was_running
            + "00000000" // raw
            + "15000000" // cookieOffset 21
            + "00".repeat(56)
            + "3c646f6d61696e20747970653d276b766d272f3e00" // <domain type='kvm'/> NUL
            + "3c636f6f6b69652f3e00" // <cookie/> NUL
            + "00".repeat(33)
            + "5145564d00000003"; // QEVM
    return HexFormat.of().parseHex(hex);
  }

  @Test
  void theWorkedExampleIsRead() throws Exception {
    SaveImage image = read(worked());
    assertTrue(image.header().complete());
    assertEquals(2, image.header().version());
    assertEquals(64, image.header().dataLength());
    assertEquals(1, image.header().wasRunning());
    assertEquals(ByteOrder.LITTLE_ENDIAN, image.header().order());
    assertEquals(SaveFormat.RAW, image.format());
    assertEquals("<domain type='kvm'/>", new String(image.domainXml(), UTF_8));
    assertEquals("<cookie/>", new String(image.cookie().orElseThrow(), UTF_8));
    assertEquals(0x9c, image.payloadAt());
    assertEquals(64 - 1 - 10, image.mostXml());
    assertEquals(List.of(), image.notes());
    assertArrayEquals(Arrays.copyOf(worked(), 0x9c), image.front());
  }

  @Test
  void theBuilderWritesTheWorkedExample() {
    assertArrayEquals(worked(), new LibvirtSaveBuilder().cookie("<cookie/>").build(QEVM));
  }

  @Test
  void bigEndianWordsAreReadAndWrittenAsSuch() throws Exception {
    byte[] bytes = new LibvirtSaveBuilder().bigEndian().cookie("<c/>").build(QEVM);
    SaveImage image = read(bytes);
    assertEquals(ByteOrder.BIG_ENDIAN, image.header().order());
    assertEquals(64, image.header().dataLength());
    assertEquals("<c/>", new String(image.cookie().orElseThrow(), UTF_8));
    byte[] edited = image.withDomainXml("<domain/>".getBytes(UTF_8)).front();
    assertArrayEquals(
        new LibvirtSaveBuilder().bigEndian().xml("<domain/>").cookie("<c/>").build(), edited);
  }

  @Test
  void unusedWordsAndEveryByteBehindTheCookieAreKept() throws Exception {
    byte[] unused = new byte[56];
    Arrays.fill(unused, (byte) 0xa5);
    byte[] bytes = new LibvirtSaveBuilder().unused(unused).cookie("<c/>").build(QEVM);
    bytes[0x99] = 7; // where libvirt has zeros
    SaveImage image = read(bytes);
    byte[] front = Arrays.copyOf(bytes, 0x9c);
    assertArrayEquals(front, image.front());
    front[24] = 0;
    assertArrayEquals(front, image.with(image.header().withWasRunning(false)).front());
    front[92] = '[';
    SaveImage paused = image.with(image.header().withWasRunning(false));
    byte[] xml = paused.domainXml();
    xml[0] = '[';
    assertArrayEquals(front, paused.withDomainXml(xml).front());
  }

  @Test
  void aShorterXmlMovesTheCookieAndLeavesZeros() throws Exception {
    SaveImage image = read(worked()).withDomainXml("<domain/>".getBytes(UTF_8));
    assertArrayEquals(
        new LibvirtSaveBuilder().xml("<domain/>").cookie("<cookie/>").build(), image.front());
    assertEquals(10, image.header().cookieOffset());
    assertEquals("<cookie/>", new String(image.cookie().orElseThrow(), UTF_8));
  }

  @Test
  void anXmlThatJustFitsLeavesThePayloadWhereItIs() throws Exception {
    SaveImage image = read(worked());
    byte[] just = "x".repeat((int) image.mostXml()).getBytes(UTF_8);
    SaveImage full = image.withDomainXml(just);
    assertEquals(image.payloadAt(), full.payloadAt());
    assertEquals(full.mostXml(), just.length);
    assertArrayEquals(just, read(full.front()).domainXml());
    assertEquals("<cookie/>", new String(read(full.front()).cookie().orElseThrow(), UTF_8));
  }

  @Test
  void anXmlThatDoesNotFitMovesThePayloadToAPageAndLeavesRoom() throws Exception {
    SaveImage image = read(worked());
    byte[] more = "x".repeat((int) image.mostXml() + 1).getBytes(UTF_8);
    SaveImage grown = image.withDomainXml(more);
    assertEquals(0, grown.payloadAt() % 4096);
    assertEquals(grown.payloadAt() - 92, grown.header().dataLength());
    assertTrue(grown.mostXml() - more.length >= 64 << 10);
    assertTrue(grown.mostXml() - more.length < (64 << 10) + 4096);
    assertEquals(grown.payloadAt(), grown.front().length);
    assertArrayEquals(more, read(grown.front()).domainXml());
    assertEquals("<cookie/>", new String(read(grown.front()).cookie().orElseThrow(), UTF_8));
  }

  @Test
  void aSparseImageMovesItsPayloadByWholeMebibytes() throws Exception {
    SaveImage image = read(new LibvirtSaveBuilder().format(6).build(QEVM));
    assertEquals(SaveFormat.SPARSE, image.format());
    for (int length : new int[] {64, 1 << 19, (1 << 20) - (64 << 10), 1 << 20}) {
      SaveImage grown = image.withDomainXml(new byte[length]);
      assertEquals(0, (grown.payloadAt() - image.payloadAt()) % (1 << 20));
      assertTrue(grown.mostXml() - length >= 64 << 10);
      assertTrue(grown.mostXml() - length < (64 << 10) + (1 << 20));
    }
  }

  @Test
  void anUnfinishedImageIsReadWithANoteAndCanBeFinished() throws Exception {
    SaveImage image = read(new LibvirtSaveBuilder().partial().build(QEVM));
    assertFalse(image.header().complete());
    assertTrue(image.notes().get(0).contains("not finished"), image.notes()::toString);
    assertArrayEquals(
        new LibvirtSaveBuilder().build(), image.with(image.header().withComplete(true)).front());
  }

  @Test
  void thePayloadsFirstBytesTellItsFormatAndANoteSaysWhenTheHeaderDisagrees() throws Exception {
    String[] magics = {
      "5145564d", "1f8b08", "425a68", "fd377a585a00", "894c5a4f000d0a1a0a", "28b52ffd", "5145564d"
    };
    for (SaveFormat format : SaveFormat.values()) {
      byte[] payload = HexFormat.of().parseHex(magics[format.ordinal()]);
      SaveImage agreed = read(new LibvirtSaveBuilder().format(format.number()).build(payload));
      assertEquals(format, agreed.format());
      assertEquals(List.of(), agreed.notes());
      if (format.compressed()) {
        SaveImage wrong = read(new LibvirtSaveBuilder().format(0).build(payload));
        assertEquals(format, wrong.format());
        assertTrue(wrong.notes().get(0).contains("raw"), wrong.notes()::toString);
        assertTrue(wrong.notes().get(0).contains(format.word()), wrong.notes()::toString);
        assertEquals(format, read(new LibvirtSaveBuilder().format(99).build(payload)).format());
      }
    }
    assertEquals(SaveFormat.RAW, read(new LibvirtSaveBuilder().build()).format());
    assertTrue(
        refused(new LibvirtSaveBuilder().format(7).build(new byte[9])).contains("'format' is 7"));
  }

  @Test
  void versionOneKnowsNoCompression() throws Exception {
    SaveImage image = read(new LibvirtSaveBuilder().version(1).format(3).build(QEVM));
    assertEquals(SaveFormat.RAW, image.format());
    assertEquals(List.of(), image.notes());
    assertEquals(3, image.header().format());
  }

  @Test
  void anXmlWithoutANulEndsWithTheData() throws Exception {
    byte[] bytes = new LibvirtSaveBuilder().dataLength(20).build();
    SaveImage image = read(Arrays.copyOf(bytes, 92 + 20));
    assertEquals(LibvirtSaveBuilder.XML, new String(image.domainXml(), UTF_8));
  }

  @Test
  void absurdLengthsAreRefusedWithPlaceOffsetAndField() {
    for (int length : new int[] {0, -1, Integer.MIN_VALUE, SaveImage.MOST_DATA + 1}) {
      String message = refused(new LibvirtSaveBuilder().dataLength(length).build(QEVM));
      assertTrue(message.startsWith("vm.save: at offset 0x14: 'data_len' is "), message);
    }
    assertEquals(
        "vm.save: at offset 0x14: 'data_len' is 64, 63 bytes are left (is the file cut short?)",
        refused(Arrays.copyOf(worked(), 92 + 63)));
    for (int offset : new int[] {64, 65, -1, Integer.MIN_VALUE}) {
      String message = refused(new LibvirtSaveBuilder().cookieOffset(offset).build(QEVM));
      assertTrue(message.startsWith("vm.save: at offset 0x20: 'cookieOffset' is "), message);
    }
    assertEquals(
        "vm.save: at offset 0x60: 0x61 before the cookie, expected the NUL that ends the domain XML",
        refused(new LibvirtSaveBuilder().cookieOffset(5).build(QEVM)));
    assertTrue(
        refused(new LibvirtSaveBuilder().version(3).build(QEVM))
            .contains("0x10: 'version' is 0x3"));
    assertTrue(refused(new LibvirtSaveBuilder().version(0).build(QEVM)).contains("'version'"));
    assertTrue(refused("LibvirtQemudXXXX".repeat(8).getBytes(UTF_8)).contains("'magic'"));
  }

  @Test
  void everyShorterFileIsRefusedUntilTheDataIsThere() throws Exception {
    byte[] bytes = worked();
    for (int length = 0; length < bytes.length; length++) {
      byte[] cut = Arrays.copyOf(bytes, length);
      if (length < 0x9c) {
        assertTrue(refused(cut).startsWith("vm.save: at offset 0x"), refused(cut));
      } else {
        assertEquals(0x9c, read(cut).payloadAt());
      }
    }
  }

  @Test
  void anyHeaderIsReadOrRefusedAndWhatIsReadIsWrittenAgain() throws Exception {
    byte[] good = worked();
    SplittableRandom random = new SplittableRandom(Long.getLong("vmstate.seed", 1));
    for (int round = 0; round < 3000; round++) {
      byte[] bytes = good.clone();
      for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
        bytes[16 + random.nextInt(0x9c - 16)] ^= (byte) (1 << random.nextInt(8));
      }
      try {
        SaveImage image = read(bytes);
        assertArrayEquals(Arrays.copyOf(bytes, (int) image.payloadAt()), image.front());
        SaveImage edited = image.withDomainXml(new byte[] {'a', 'b'});
        SaveImage again =
            read(
                ByteBuffer.allocate(edited.front().length + 8)
                    .put(edited.front())
                    .put(QEVM)
                    .array());
        assertArrayEquals(new byte[] {'a', 'b'}, again.domainXml());
        assertArrayEquals(image.cookie().orElse(new byte[0]), again.cookie().orElse(new byte[0]));
      } catch (FormatException e) {
        assertTrue(e.getMessage().startsWith("vm.save: at offset 0x"), e.getMessage());
      }
    }
  }
}
