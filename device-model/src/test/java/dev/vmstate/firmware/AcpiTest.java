package dev.vmstate.firmware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AcpiTest {
  private static final int ROOT = 0x180000;
  private static final int FACP = 0x181000;
  private static final int FACS = 0x182000;
  private static final int DSDT = 0x183000;
  private static final int SSDT = 0x184000;
  private static final int SSDT_1 = 0x185000;

  private static void table(ArrayMemory memory, int at, String signature, int length) {
    memory.put(at, signature).number(at + 4, 4, length).number(at + 8, 1, 1);
    memory.put(at + 10, "BOCHS BXPC    ").number(at + 24, 4, 1).put(at + 28, "BXPC");
    memory.sum(at, length, at + 9);
  }

  /** {@code wide}: ACPI 2.0, with an XSDT and an RSDT that leads nowhere. */
  private static ArrayMemory machine(boolean wide, int anchor) {
    ArrayMemory memory = new ArrayMemory();
    int width = wide ? 8 : 4;
    int[] entries = {FACP, SSDT, SSDT_1, 0x7f00_0000};
    for (int i = 0; i < entries.length; i++) {
      memory.number(ROOT + 36 + i * width, width, entries[i]);
    }
    table(memory, ROOT, wide ? "XSDT" : "RSDT", 36 + entries.length * width);
    memory.number(FACP + (wide ? 132 : 36), width, FACS);
    memory.number(FACP + (wide ? 140 : 40), width, DSDT);
    table(memory, FACP, "FACP", wide ? 244 : 116);
    memory.put(FACS, "FACS").number(FACS + 4, 4, 64);
    table(memory, DSDT, "DSDT", 200);
    table(memory, SSDT, "SSDT", 50);
    table(memory, SSDT_1, "SSDT", 60);
    memory.put(anchor, "RSD PTR ").put(anchor + 9, "BOCHS ");
    memory.number(anchor + 15, 1, wide ? 2 : 0).number(anchor + 16, 4, wide ? 0x10 : ROOT);
    memory.number(anchor + 20, 4, 36).number(anchor + 24, 8, wide ? ROOT : 0);
    memory.sum(anchor, 20, anchor + 8).sum(anchor, 36, anchor + 32);
    return memory;
  }

  @Test
  void tablesAreFoundThroughBothRootsInBiosEbdaAndAnywhere() throws Exception {
    for (int anchor : new int[] {0xf59d0, 0x9fc10, 0x1abc00}) {
      for (boolean wide : new boolean[] {false, true}) {
        ArrayMemory memory = machine(wide, anchor);
        memory.number(0x40e, 2, 0x9fc0);
        Set<String> names = Acpi.find(memory).tables().keySet();
        String root = wide ? "XSDT" : "RSDT";
        assertEquals(Set.of(root, "FACP", "FACS", "DSDT", "SSDT", "SSDT:1"), names);
      }
    }
  }

  @Test
  void anEditFixesTheTablesChecksumAndLeavesOthersAlone() throws Exception {
    ArrayMemory memory = machine(false, 0xf59d0);
    byte[] before = memory.bytes.clone();
    List<TableEdit> edits = Acpi.find(memory).set("SSDT:1.oem_id", "ABC");
    assertEquals(2, edits.size());
    assertEquals("'BOCHS '", edits.get(0).before());
    assertEquals("'ABC   '", edits.get(0).after());
    assertEquals(0, memory.total(SSDT_1, 60));
    for (int i = 0; i < before.length; i++) {
      boolean touched = i == SSDT_1 + 9 || i >= SSDT_1 + 10 && i < SSDT_1 + 16;
      assertTrue(touched || before[i] == memory.bytes[i], "byte " + i);
    }
    Acpi acpi = Acpi.find(memory);
    acpi.set("FACP.oem_revision", "0x01020304");
    acpi.set("DSDT[0x28]", "255");
    assertEquals(0x04, memory.bytes[FACP + 24]);
    assertEquals((byte) 255, memory.bytes[DSDT + 0x28]);
    assertEquals(0, memory.total(FACP, 116));
    assertEquals(0, memory.total(DSDT, 200));
    assertEquals("ABC", Acpi.find(memory).text("SSDT:1.oem_id"));
    assertEquals("0x1020304", Acpi.find(memory).text("FACP.oem_revision"));
  }

  @Test
  void whatHasNoChecksumOrAWrongOneGetsNone() throws Exception {
    ArrayMemory memory = machine(true, 0xf59d0);
    memory.bytes[SSDT + 40] ^= 1;
    Acpi acpi = Acpi.find(memory);
    assertEquals(1, acpi.set("SSDT.oem_id", "X").size());
    assertEquals(1, acpi.set("FACS[0x09]", "5").size());
    assertEquals(1, acpi.set("DSDT[9]", "5").size()); // the checksum itself, as asked for
    assertEquals(5, memory.bytes[DSDT + 9]);
  }

  @Test
  void whatIsNotThereOrDoesNotFitIsRefused() throws Exception {
    Acpi acpi = Acpi.find(machine(false, 0xf59d0));
    assertThrows(IOException.class, () -> acpi.set("HPET.oem_id", "A"));
    assertThrows(IOException.class, () -> acpi.set("SSDT:2.oem_id", "A"));
    assertThrows(IOException.class, () -> acpi.set("SSDT[50]", "1"));
    for (String path : List.of("SSDT[4]", "SSDT", "SSDT.length", "facp.oem_id", "FACS.oem_id")) {
      assertThrows(IllegalArgumentException.class, () -> acpi.set(path, "1"), path);
    }
    assertThrows(IllegalArgumentException.class, () -> acpi.set("SSDT.oem_id", "ABCDEFG"));
    assertThrows(
        IllegalArgumentException.class, () -> acpi.set("SSDT.oem_revision", "0x100000000"));
    assertThrows(IllegalArgumentException.class, () -> acpi.set("SSDT[40]", "256"));
    assertThrows(IOException.class, () -> Acpi.find(new ArrayMemory()));
  }

  @Test
  void randomTablesAreReadOrRefused() throws Exception {
    SplittableRandom random = new SplittableRandom(Long.getLong("vmstate.seed", 1));
    for (int run = 0; run < 300; run++) {
      ArrayMemory memory = machine(run % 2 == 0, 0xf59d0);
      for (int i = 0; i < 30; i++) {
        int table = ROOT + 0x1000 * random.nextInt(6);
        memory.bytes[table + random.nextInt(64)] = (byte) random.nextInt(256);
      }
      try {
        Acpi acpi = Acpi.find(memory);
        for (String name : acpi.tables().keySet()) {
          if (name.matches("[A-Z]{4}")) {
            acpi.set(name + "[40]", "1");
          }
        }
      } catch (IOException e) {
        assertTrue(!e.getMessage().isEmpty());
      }
    }
  }
}
