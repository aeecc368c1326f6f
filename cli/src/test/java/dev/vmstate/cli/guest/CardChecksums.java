package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;

/** What a guest's driver works out over a card's EEPROM or PROM, each in its own way. */
final class CardChecksums {
  private CardChecksums() {}

  /** Of a card in that slot of {@code pc}. */
  static void assertHold(String model, int slot, Path snapshot) throws Exception {
    String device = "0000:00:%02x.0/".formatted(slot);
    if (model.startsWith("e1000-") || model.equals("e1000")) {
      assertEquals(0xbaba, sum(words(snapshot, device + "e1000/eeprom_data")) & 0xffff);
    } else if (model.startsWith("i825") || model.equals("i82801")) {
      assertEquals(0xbaba, sum(words(snapshot, device + "eeprom/contents")) & 0xffff);
    } else if (model.equals("tulip")) {
      int[] rom = words(snapshot, device + "eeprom/contents");
      assertEquals(etherCrc(rom, 63) & 0xffff ^ 0xffff, rom[63]);
    } else if (model.equals("pcnet")) {
      byte[] prom = HexFormat.of().parseHex(value(snapshot, device + "pcnet/state/prom"));
      int said = prom[12] & 0xff | (prom[13] & 0xff) << 8;
      prom[12] = 0;
      prom[13] = 0;
      int sum = 0;
      for (byte b : prom) {
        sum += b & 0xff;
      }
      assertEquals(sum, said);
    }
  }

  private static String value(Path snapshot, String path) throws Exception {
    JsonNode node = Vmstate.run("get", "--json", snapshot, path).json();
    return node.path(path).asText();
  }

  private static int[] words(Path snapshot, String path) throws Exception {
    return Arrays.stream(value(snapshot, path).split(" ")).mapToInt(Integer::parseInt).toArray();
  }

  private static int sum(int[] words) {
    assertEquals(64, words.length);
    return Arrays.stream(words).sum();
  }

  /** Linux's ether_crc_le, bit by bit, over the bytes of so many little-endian words. */
  private static int etherCrc(int[] words, int count) {
    int crc = -1;
    for (int i = 0; i < 2 * count; i++) {
      int octet = words[i / 2] >> 8 * (i % 2) & 0xff;
      for (int bit = 0; bit < 8; bit++, octet >>= 1) {
        int odd = (crc ^ octet) & 1;
        crc = crc >>> 1 ^ (odd == 0 ? 0 : 0xedb88320);
      }
    }
    return crc;
  }
}
