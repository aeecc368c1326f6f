package dev.vmstate.firmware;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.HexFormat;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class SmbiosTest {
  private static final UUID ID = UUID.fromString("c7b57cf4-9a0b-4c3e-8f4d-2f1f0a6d5b11");
  private static final int TABLE = 0xf5a10;
  private static final int SYSTEM = TABLE + 4 + 2;

  /** Structures 127-like, 1 and 3, as SeaBIOS leaves them. */
  private static int structures(ArrayMemory memory, int at) {
    memory.number(at, 1, 16).number(at + 1, 1, 4); // no text: two zeros
    int system = at + 6;
    memory.number(system, 1, 1).number(system + 1, 1, 27).put(system + 4, "\1\2\0\3");
    memory.write(system + 8, HexFormat.of().parseHex("f47cb5c70b9a3e4c8f4d2f1f0a6d5b11"));
    memory.put(system + 27, "QEMU\0My Box\0SER123456\0\0");
    int chassis = system + 27 + 5 + 7 + 10 + 1;
    memory.number(chassis, 1, 3).number(chassis + 1, 1, 22).number(chassis + 7, 1, 9);
    memory.put(chassis + 22, "QEMU\0\0");
    int end = chassis + 22 + 6;
    memory.number(end, 1, 127).number(end + 1, 1, 4);
    return end + 6 - at;
  }

  /** An entry point of SMBIOS 2.x. */
  private static ArrayMemory legacy(int minor) {
    ArrayMemory memory = new ArrayMemory();
    int length = structures(memory, TABLE);
    int entry = 0xf59f0;
    memory.put(entry, "_SM_").number(entry + 5, 1, 0x1f).number(entry + 6, 1, 2);
    memory.number(entry + 7, 1, minor).put(entry + 0x10, "_DMI_");
    memory.number(entry + 0x16, 2, length).number(entry + 0x18, 4, TABLE);
    memory.sum(entry + 0x10, 15, entry + 0x15).sum(entry, 0x1f, entry + 4);
    memory.put(0xf1030, "_SM_"); // in the firmware's code, under no checksum
    return memory;
  }

  /** An entry point of SMBIOS 3 where UEFI puts it: anywhere. */
  private static ArrayMemory uefi() {
    ArrayMemory memory = new ArrayMemory();
    int length = structures(memory, 0x1a0000);
    int entry = 0x1fe540;
    memory.put(entry, "_SM3_").number(entry + 6, 1, 0x18).number(entry + 7, 1, 3);
    memory.number(entry + 12, 4, length).number(entry + 16, 8, 0x1a0000);
    memory.sum(entry, 0x18, entry + 5);
    return memory;
  }

  @Test
  void theUuidIsReadAndWrittenWhereverTheTablesStand() throws Exception {
    for (ArrayMemory memory : new ArrayMemory[] {legacy(8), uefi()}) {
      byte[] before = memory.bytes.clone();
      Smbios smbios = Smbios.find(memory);
      assertEquals(ID, smbios.uuid());
      UUID fresh = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
      TableEdit edit = smbios.uuid(fresh);
      assertEquals(ID.toString(), edit.before());
      assertEquals(fresh, Smbios.find(memory).uuid());
      smbios.uuid(ID);
      assertArrayEquals(before, memory.bytes);
    }
  }

  @Test
  void beforeSmbios26TheUuidIsBigEndian() throws Exception {
    ArrayMemory memory = legacy(4);
    assertEquals(
        UUID.fromString("f47cb5c7-0b9a-3e4c-8f4d-2f1f0a6d5b11"), Smbios.find(memory).uuid());
    Smbios.find(memory).uuid(ID);
    assertEquals((byte) 0xc7, memory.bytes[SYSTEM + 8]);
  }

  @Test
  void aTextIsReplacedByOneThatIsNotLonger() throws Exception {
    ArrayMemory memory = legacy(8);
    Smbios smbios = Smbios.find(memory);
    assertEquals("SER123456", smbios.text("serial"));
    assertEquals("'ABC      '", smbios.text("serial", "ABC").after());
    assertEquals("ABC      ", Smbios.find(memory).text("serial"));
    assertEquals("My Box", Smbios.find(memory).text("product"));
    assertEquals("QEMU", Smbios.find(memory).text("manufacturer"));
    IOException e = assertThrows(IOException.class, () -> smbios.text("serial", "1234567890"));
    assertTrue(e.getMessage().contains("room for 9 characters"), e.getMessage());
  }

  @Test
  void whatTheTablesDoNotGiveIsSaid() throws Exception {
    Smbios smbios = Smbios.find(legacy(8));
    assertThrows(IOException.class, () -> smbios.text("version", "1")); // number 0
    assertThrows(IOException.class, () -> smbios.text("sku", "1")); // number 0
    assertThrows(IOException.class, () -> smbios.text("chassis.serial", "1")); // text 9 of 1
    assertThrows(IOException.class, () -> smbios.text("board.serial", "1")); // no type 2
    assertThrows(IllegalArgumentException.class, () -> smbios.text("colour", "1"));
    assertThrows(IllegalArgumentException.class, () -> smbios.text("serial", ""));
    assertThrows(IllegalArgumentException.class, () -> smbios.text("serial", "a\u00fcb"));
    assertThrows(IOException.class, () -> Smbios.find(new ArrayMemory()));
  }

  /**
   * Whatever firmware or a guest has left there, it ends in an answer or an {@link IOException}.
   */
  @Test
  void randomStructuresAreReadOrRefused() throws Exception {
    SplittableRandom random = new SplittableRandom(Long.getLong("vmstate.seed", 1));
    for (int run = 0; run < 500; run++) {
      ArrayMemory memory = legacy(8);
      for (int i = 0; i < 1 + random.nextInt(20); i++) {
        memory.bytes[TABLE + random.nextInt(100)] = (byte) random.nextInt(256);
      }
      if (run % 3 == 0) {
        memory
            .number(0xf59f0 + 0x18, 4, random.nextLong())
            .number(0xf59f0 + 0x16, 2, random.nextInt());
        memory.sum(0xf59f0, 0x1f, 0xf59f4);
      }
      try {
        Smbios smbios = Smbios.find(memory);
        smbios.uuid(ID);
        smbios.text("serial", "A");
      } catch (IOException e) {
        assertTrue(!e.getMessage().isEmpty());
      }
    }
  }
}
