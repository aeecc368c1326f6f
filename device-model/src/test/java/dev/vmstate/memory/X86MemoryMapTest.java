package dev.vmstate.memory;

import static dev.vmstate.memory.MemoryInputs.GIB;
import static dev.vmstate.memory.MemoryInputs.MIB;
import static dev.vmstate.memory.MemoryInputs.block;
import static dev.vmstate.memory.MemoryInputs.bridge;
import static dev.vmstate.memory.MemoryInputs.cmos;
import static dev.vmstate.memory.MemoryInputs.srat;
import static dev.vmstate.memory.MemoryInputs.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSections;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class X86MemoryMapTest {
  private static final X86MemoryMap.Contents NO_TABLES = block -> new byte[0];

  private static MemoryMap map(String machine, long ram, DeviceSection... devices)
      throws IOException {
    return X86MemoryMap.of(
        machine, List.of(block("pc.ram", ram)), List.of(devices), OptionalLong.empty(), NO_TABLES);
  }

  /** Bytes of pc.ram below and from 4 GiB on; checks that addresses and offsets fit together. */
  private static long[] split(MemoryMap map) {
    long low = 0;
    long high = 0;
    for (MemoryMap.Range range : map.ranges()) {
      if (range.start() < 4 * GIB) {
        assertEquals(range.start(), range.offset());
        low = range.end();
      } else {
        assertEquals(4 * GIB, range.start());
        assertEquals(low, range.offset());
        high += range.bytes();
      }
    }
    return new long[] {low, high};
  }

  /** The vectors of QEMU's own comments and of machines that were saved; sizes in MiB. */
  @ParameterizedTest
  @CsvSource({
    "pc-q35-7.2, 128, 128, 0",
    "pc-i440fx-7.2, 4096, 3072, 1024",
    "pc-i440fx-1.7, 4096, 3584, 512",
    "pc-1.3, 4096, 3584, 512",
    "isapc, 4096, 3584, 512",
    "pc-i440fx-2.0, 4096, 3072, 1024",
    "pc-i440fx-10.0, 4096, 3072, 1024",
    "pc-q35-7.2, 2816, 2048, 768",
    "pc-q35-7.2, 2815, 2815, 0",
    "microvm, 3072, 3072, 0",
    "microvm, 3073, 3072, 1",
    "pc-i440fx-7.2, 3583, 3583, 0",
    "pc-i440fx-7.2, 3584, 3072, 512",
    "pc-q35-10.0, 5120, 2048, 3072",
    "pc-i440fx-7.2, 5120, 3072, 2048",
    "pc-q35-10.0, 17408, 2048, 15360",
  })
  void theRuleOfTheMachineTypeSplitsMainMemory(String machine, long ram, long low, long high)
      throws Exception {
    RamBlock block = block(machine.equals("microvm") ? "microvm.ram" : "pc.ram", ram * MIB);
    MemoryMap map =
        X86MemoryMap.of(machine, List.of(block), List.of(), OptionalLong.empty(), NO_TABLES);
    assertEquals(low * MIB, split(map)[0]);
    assertEquals(high * MIB, split(map)[1]);
    assertTrue(map.reasons().get(0).contains("from the rule"), map.reasons().get(0));
  }

  /** {@code -M pc,max-ram-below-4g=…}: only CMOS knows; sizes in MiB. */
  @ParameterizedTest
  @CsvSource({
    "4096, 2048, 2048",
    "3968, 3968, 0",
    "2048, 1024, 1024",
    "5120, 3072, 2048",
    "17408, 3072, 14336"
  })
  void cmosIsBelievedWhenItAddsUp(long ram, long low, long high) throws Exception {
    MemoryMap map = map("pc-i440fx-7.2", ram * MIB, cmos(low * MIB, high * MIB));
    assertEquals(low * MIB, split(map)[0]);
    assertEquals(high * MIB, split(map)[1]);
    assertTrue(map.reasons().get(0).contains("from CMOS"), map.reasons().get(0));
  }

  /** Each boundary of a rule, a page below it and a page above it, whatever CMOS says. */
  @ParameterizedTest
  @CsvSource({
    "2048", "2816", "3072", "3584", "4096", "5120", "17408",
  })
  void boundariesHoldWithCmosAgreeingAbsentAndContradicting(long mib) throws Exception {
    for (long ram : new long[] {mib * MIB - 4096, mib * MIB, mib * MIB + 4096}) {
      long pc = ram < 0xe000_0000L ? ram : 3 * GIB;
      long q35 = ram < 0xb000_0000L ? ram : 2 * GIB;
      for (String machine : List.of("pc-i440fx-7.2", "pc-q35-7.2")) {
        long low = machine.contains("q35") ? q35 : pc;
        assertEquals(low, split(map(machine, ram))[0]);
        assertEquals(ram - low, split(map(machine, ram))[1]);
        // the firmware rounds down to 64 KiB
        DeviceSection agreeing = cmos(low & -0x10000L, ram - low & -0x10000L);
        assertEquals(low, split(map(machine, ram, agreeing))[0]);
        DeviceSection contradicting = cmos(GIB, 77 * MIB);
        assertEquals(low, split(map(machine, ram, contradicting))[0]);
        assertTrue(
            map(machine, ram, contradicting).reasons().get(0).contains("CMOS says"),
            map(machine, ram, contradicting).reasons().toString());
      }
    }
  }

  @Test
  void whatTheUserAsksForWins() throws Exception {
    List<RamBlock> ram = List.of(block("pc.ram", 5 * GIB));
    DeviceSection cmos = cmos(3 * GIB, 2 * GIB);
    MemoryMap map =
        X86MemoryMap.of("pc-i440fx-7.2", ram, List.of(cmos), OptionalLong.of(2 * GIB), NO_TABLES);
    assertEquals(2 * GIB, split(map)[0]);
    assertEquals(3 * GIB, split(map)[1]);
    map = X86MemoryMap.of("pc-i440fx-7.2", ram, List.of(cmos), OptionalLong.of(9 * GIB), NO_TABLES);
    assertEquals("0:0+a0000@0 0:c0000+13ff40000@c0000", text(map)); // no hole is left to split at
  }

  /** Two NUMA nodes on a q35: the split falls inside the first; node10 comes after node9. */
  @Test
  void backendsAreJoinedInTheOrderOfTheirNamesAndSplitTogether() throws Exception {
    List<RamBlock> blocks =
        List.of(
            block("ram-node10", GIB),
            block("ram-node9", 4 * GIB),
            block("0000:00:02.0/vga.vram", 16 * MIB));
    assertEquals(5 * GIB, MainMemory.bytes(blocks));
    MemoryMap map =
        X86MemoryMap.of("pc-q35-7.2", blocks, List.of(), OptionalLong.empty(), NO_TABLES);
    assertEquals(
        "1:0+a0000@0 1:c0000+7ff40000@c0000 1:80000000+80000000@100000000"
            + " 0:0+40000000@180000000",
        text(map));
  }

  /** q35 with {@code -object …,id=z,size=192M -object …,id=y,size=320M}, z being node 0. */
  @Test
  void nodesOfTheSratTellTheOrderOfBackendsWhateverTheirNames() throws Exception {
    List<RamBlock> blocks =
        List.of(
            block("y", 320 * MIB), block("z", 192 * MIB), block("/rom@etc/acpi/tables", 0x20000));
    byte[] tables =
        srat(
            new long[] {0, 0, 0xa0000, 1},
            new long[] {0, MIB, 191 * MIB, 1},
            new long[] {1, 192 * MIB, 320 * MIB, 1},
            new long[] {1, 4 * GIB, 8 * GIB, 3});
    MemoryMap map =
        X86MemoryMap.of("pc-q35-7.2", blocks, List.of(), OptionalLong.empty(), block -> tables);
    assertEquals("1:0+a0000@0 1:c0000+bf40000@c0000 0:0+14000000@c000000", text(map));
  }

  @Test
  void aBackendBesideTheNodesOrBesidePcRamIsADimmAboveFourGibibytes() throws Exception {
    List<RamBlock> numa =
        List.of(
            block("m0", 256 * MIB),
            block("m1", 256 * MIB),
            block("d", 256 * MIB),
            block("/rom@etc/acpi/tables", 0x20000));
    byte[] tables =
        srat(
            new long[] {0, 0, 0xa0000, 1},
            new long[] {0, MIB, 255 * MIB, 1},
            new long[] {1, 256 * MIB, 256 * MIB, 1});
    MemoryMap map =
        X86MemoryMap.of("pc-q35-7.2", numa, List.of(), OptionalLong.empty(), block -> tables);
    assertEquals(
        "0:0+a0000@0 0:c0000+ff40000@c0000 1:0+10000000@10000000 2:0+10000000@100000000",
        text(map));
    List<RamBlock> plain = List.of(block("pc.ram", 256 * MIB), block("d", 128 * MIB));
    map = X86MemoryMap.of("pc-i440fx-7.2", plain, List.of(), OptionalLong.empty(), NO_TABLES);
    assertEquals("0:0+a0000@0 0:c0000+ff40000@c0000 1:0+8000000@100000000", text(map));
    assertTrue(map.reasons().toString().contains("assumed"), map.reasons().toString());
  }

  @Test
  void cmosTellsMainMemoryFromADimmOfAnotherSizeWithoutAnSrat() throws Exception {
    List<RamBlock> blocks = List.of(block("main", 512 * MIB), block("extra", 256 * MIB));
    MemoryMap map =
        X86MemoryMap.of(
            "pc-q35-7.2", blocks, List.of(cmos(512 * MIB, 0)), OptionalLong.empty(), NO_TABLES);
    assertEquals("0:0+a0000@0 0:c0000+1ff40000@c0000 1:0+10000000@100000000", text(map));
  }

  private static DeviceSection function(String name, int classCode, long... bars)
      throws IOException {
    ByteBuffer config = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
    config.putShort(4, (short) 2).putShort(0x0a, (short) classCode);
    for (int i = 0; i < bars.length; i++) {
      config.putInt(0x10 + 4 * i, (int) bars[i]);
    }
    return DeviceSections.of(name, 0, d -> d.opaque("config", "pci config", config.array()));
  }

  @Test
  void withoutAVgaControllerTheMemoryBelowTheBiosHasNoHole() throws Exception {
    MemoryMap map = map("pc-q35-7.2", 64 * MIB, function("0000:00:02.0/virtio-gpu", 0x0380));
    assertEquals("0:0+4000000@0", text(map));
    map = map("pc-q35-7.2", 64 * MIB, function("0000:00:02.0/vga", 0x0300));
    assertEquals("0:0+a0000@0 0:c0000+3f40000@c0000", text(map));
  }

  /** Machines up to 2.3: no path before the block's name. */
  @Test
  void videoMemoryWithoutAPathBelongsToTheVgaController() throws Exception {
    List<RamBlock> blocks = List.of(block("pc.ram", 64 * MIB), block("vga.vram", 16 * MIB));
    DeviceSection vga = function("0000:00:02.0/vga", 0x0300, 0xfd000008L);
    MemoryMap map = X86MemoryMap.of("", blocks, List.of(vga), OptionalLong.empty(), NO_TABLES);
    assertTrue(text(map).endsWith(" 1:0+1000000@fd000000"), text(map));
  }

  @Test
  void qxlShowsItsVirtualRomAtTheThirdBarAndItsBootRomNowhere() throws Exception {
    List<RamBlock> blocks =
        List.of(
            block("pc.ram", 64 * MIB),
            block("0000:00:02.0/qxl.rom", 0x10000),
            block("0000:00:02.0/qxl.vrom", 0x2000));
    DeviceSection qxl = function("0000:00:02.0/qxl", 0x0300, 0xf4000000L, 0xf8000000L, 0xfc0d4000L);
    MemoryMap map =
        X86MemoryMap.of("pc-i440fx-7.2", blocks, List.of(qxl), OptionalLong.empty(), NO_TABLES);
    assertTrue(text(map).endsWith(" 2:0+2000@fc0d4000"), text(map));
  }

  /** {@code -device bochs-display -vga vmware -device ivshmem-plain,master=on,memdev=iv}. */
  @Test
  void everyDeviceThatHasMemoryShowsItAtItsBar() throws Exception {
    List<RamBlock> blocks =
        List.of(
            block("pc.ram", 64 * MIB),
            block("0000:00:02.0/vga.vram", 16 * MIB),
            block("0000:00:03.0/bochs-display-vram", 16 * MIB),
            block("0000:00:04.0/iv", 4 * MIB),
            block("vmsvga.fifo", 0x10000));
    List<DeviceSection> devices =
        List.of(
            function("0000:00:01.0/vga", 0x0300, 0xf0000008L, 0L, 0xfe020000L),
            function("0000:00:02.0/vmware_vga", 0x0300, 0xc001L, 0xfa000008L, 0xfe000000L),
            function("0000:00:03.0/bochs-display", 0x0380, 0xfb000008L, 0L, 0xfe010000L),
            function("0000:00:04.0/ivshmem-plain", 0x0500, 0xfe011000L, 0L, 0xfc00000cL));
    MemoryMap map =
        X86MemoryMap.of("pc-q35-10.0", blocks, devices, OptionalLong.empty(), NO_TABLES);
    assertTrue(
        text(map)
            .endsWith(
                " 1:0+1000000@fa000000 2:0+1000000@fb000000 3:0+400000@fc000000"
                    + " 4:0+10000@fe000000"),
        text(map));
  }

  @Test
  void microvmShowsTheEndOfItsBiosBelowOneMebibyte() throws Exception {
    List<RamBlock> blocks = List.of(block("microvm.ram", 64 * MIB), block("pc.bios", 0x10000));
    MemoryMap map = X86MemoryMap.of("microvm", blocks, List.of(), OptionalLong.empty(), NO_TABLES);
    assertEquals(
        "0:0+f0000@0 1:0+10000@f0000 0:100000+3f00000@100000 1:0+10000@ffff0000", text(map));
  }

  @Test
  void wherePamIsClosedTheFirmwareIsSeenBelowOneMebibyte() throws Exception {
    List<RamBlock> blocks =
        List.of(block("pc.ram", 128 * MIB), block("pc.bios", 256 << 10), block("pc.rom", 0x20000));
    int[] closed = new int[7];
    int[] open = {0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33};
    int[] writeOnly = {0x20, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22};
    int[] someOpen = {0x10, 0x01, 0x20, 0x00, 0x00, 0x00, 0x12};
    String rest = " 0:100000+7f00000@100000 1:0+40000@fffc0000";
    for (boolean q35 : new boolean[] {false, true}) {
      String machine = q35 ? "pc-q35-7.2" : "pc-i440fx-7.2";
      String name = q35 ? "0000:00:00.0/mch" : "0000:00:00.0/I440FX";
      int pam = q35 ? 0x90 : 0x59;
      String roms = "0:0+a0000@0 2:0+20000@c0000 1:20000+20000@e0000";
      assertEquals(roms + rest, below(machine, blocks, bridge(name, pam, closed)));
      for (int[] ram : List.of(open, writeOnly)) {
        assertEquals(
            "0:0+a0000@0 0:c0000+7f40000@c0000 1:0+40000@fffc0000",
            below(machine, blocks, bridge(name, pam, ram)));
      }
      assertEquals(
          "0:0+a0000@0 0:c0000+4000@c0000 2:4000+8000@c4000 0:cc000+4000@cc000"
              + " 2:10000+10000@d0000 1:20000+8000@e0000 0:e8000+7f18000@e8000"
              + " 1:0+40000@fffc0000",
          below(machine, blocks, bridge(name, pam, someOpen)));
    }
  }

  /** The map of a machine that has a VGA controller besides. */
  private static String below(String machine, List<RamBlock> blocks, DeviceSection... devices)
      throws IOException {
    List<DeviceSection> all = new ArrayList<>(List.of(devices));
    all.add(function("0000:00:1e.0/vga", 0x0300));
    return text(X86MemoryMap.of(machine, blocks, all, OptionalLong.empty(), NO_TABLES));
  }

  private static DeviceSection vga(String name, long bar, int command, long rom)
      throws IOException {
    byte[] config = new byte[256];
    ByteBuffer.wrap(config)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putShort(4, (short) command)
        .putInt(0x10, (int) bar)
        .putInt(0x30, (int) rom);
    return DeviceSections.of(name, 0, d -> d.opaque("config", "pci config", config));
  }

  @Test
  void videoMemoryStandsWhereItsBarSaysWhenTheFunctionAnswers() throws Exception {
    List<RamBlock> blocks =
        List.of(
            block("pc.ram", 128 * MIB),
            block("0000:00:02.0/vga.vram", 16 * MIB),
            block("0000:00:02.0/vga.rom", 0x10000));
    String ram = "0:0+a0000@0 0:c0000+7f40000@c0000";
    assertEquals(
        ram + " 2:0+10000@febe0000 1:0+1000000@fd000000",
        below("pc", blocks, vga("0000:00:02.0/vga", 0xfd00_0008L, 2, 0xfebe_0001L))
            .replaceAll("( 1:\\S+)( 2:\\S+)", "$2$1"));
    assertEquals(ram, below("pc", blocks, vga("0000:00:02.0/vga", 0xfd00_0008L, 0, 0)));
    assertEquals(ram, below("pc", blocks, vga("0000:00:03.0/vga", 0xfd00_0008L, 2, 0)));
    // a guest that puts the BAR onto its own RAM hides nothing of it
    MemoryMap onTop =
        X86MemoryMap.of(
            "pc",
            blocks,
            List.of(vga("0000:00:02.0/vga", 0x0100_0008L, 2, 0)),
            OptionalLong.empty(),
            NO_TABLES);
    assertEquals("0:0+8000000@0", text(onTop)); // the test's function has no VGA class
    assertTrue(onTop.reasons().stream().anyMatch(r -> r.contains("hidden by pc.ram")));
    assertTrue(onTop.reasons().stream().anyMatch(r -> r.contains("the CPU does not see it")));
  }

  @Test
  void flashEndsAtFourGibibytes() throws Exception {
    List<RamBlock> blocks =
        List.of(
            block("pc.ram", 128 * MIB), block("system.flash0", MIB), block("system.flash1", MIB));
    assertEquals(
        "0:0+a0000@0 0:c0000+7f40000@c0000 2:0+100000@ffe00000 1:0+100000@fff00000",
        below("pc-q35-7.2", blocks));
  }

  @Test
  void configurationSpaceOfAnOddSizeIsNone() throws Exception {
    for (int size : new int[] {1, 4, 255, 257, 4095}) {
      DeviceSection odd =
          DeviceSections.of(
              "0000:00:00.0/I440FX", 0, d -> d.opaque("c", "pci config", new byte[size]));
      assertEquals(
          "0:0+a0000@0 0:c0000+7f40000@c0000",
          below("pc", List.of(block("pc.ram", 128 * MIB)), odd));
    }
  }

  /** Firmware blocks smaller than a page, or larger than 4 GiB, give no range outside a block. */
  @Test
  void noRangeLeavesItsBlock() throws Exception {
    for (long size : new long[] {1024, 3072, 0x1000, 0x21000, MIB, 5 * GIB, 9 * GIB}) {
      for (String name : List.of("pc.bios", "isa-bios", "pc.rom", "system.flash0")) {
        List<RamBlock> blocks =
            List.of(new RamBlock("pc.ram", 2 * MIB, 1024), new RamBlock(name, size, 1024));
        MemoryMap map =
            X86MemoryMap.of(
                "pc",
                blocks,
                List.of(bridge("0000:00:00.0/I440FX", 0x59, new int[7])),
                OptionalLong.empty(),
                NO_TABLES);
        for (MemoryMap.Range range : map.ranges()) {
          RamBlock block = blocks.get(range.block());
          assertTrue(range.offset() >= 0 && range.offset() + range.bytes() <= block.bytes(), name);
          assertFalse(range.start() < 0, name);
        }
      }
    }
  }

  /** No host bridge can put RAM over its ROMs; a machine type up to 2.3 does not even say so. */
  @Test
  void isapcShowsItsRoms() throws Exception {
    List<RamBlock> blocks =
        List.of(block("pc.ram", 64 * MIB), block("pc.bios", 128 << 10), block("pc.rom", 0x20000));
    String roms = " 2:0+20000@c0000 1:0+20000@e0000 0:100000+3f00000@100000 1:0+20000@fffe0000";
    DeviceSection timer = DeviceSections.of("timer", 0, d -> d.i64("cpu_ticks", 1));
    DeviceSection vga = DeviceSections.of("vga", 0, d -> d.i32("latch", 1));
    for (String machine : List.of("isapc", "")) {
      List<DeviceSection> without = List.of(timer);
      List<DeviceSection> with = List.of(timer, vga);
      assertEquals(
          "0:0+c0000@0" + roms,
          text(X86MemoryMap.of(machine, blocks, without, OptionalLong.empty(), NO_TABLES)));
      assertEquals(
          "0:0+a0000@0" + roms,
          text(X86MemoryMap.of(machine, blocks, with, OptionalLong.empty(), NO_TABLES)));
    }
  }

  private static DeviceSection mch(int smbase, int smram, int esmramc, int extended)
      throws IOException {
    byte[] config = new byte[4096];
    Arrays.fill(config, 0x90, 0x97, (byte) 0x33);
    config[0x9c] = (byte) smbase;
    config[0x9d] = (byte) smram;
    config[0x9e] = (byte) esmramc;
    config[0x50] = (byte) extended;
    config[0x51] = (byte) (extended >> 8);
    return DeviceSections.of("0000:00:00.0/mch", 0, d -> d.opaque("config", "pci config", config));
  }

  /** Registers as the firmware leaves them, and what {@code info mtree -f} shows then. */
  @ParameterizedTest
  @CsvSource({
    "0, 8, 1, 0, 1",
    "0, 8, 3, 0, 2",
    "0, 8, 5, 0, 8",
    "0, 8, 7, 0, 16",
    "0, 8, 7, 48, 48",
    "0, 8, 7, 65535, 16", // asked for and never answered
    "0, 0, 1, 0, 0", // no SMRAM
    "0, 8, 6, 0, 0", // no TSEG
    "0, 10, 5, 0, 8", // TSEG however locked
  })
  void tsegIsHiddenAtTheEndOfMemoryBelowFourGibibytes(
      int smbase, int smram, int esmramc, int extended, long mib) throws Exception {
    List<RamBlock> blocks = List.of(block("pc.ram", 4096 * MIB));
    String map = below("pc-q35-7.2", blocks, mch(smbase, smram, esmramc, extended));
    assertEquals(
        "0:0+a0000@0 0:c0000+%x@c0000 0:80000000+80000000@100000000"
            .formatted(2048 * MIB - mib * MIB - 0xc0000),
        map);
  }

  @Test
  void smbaseIsHiddenOnceLocked() throws Exception {
    List<RamBlock> blocks = List.of(block("pc.ram", 128 * MIB));
    assertEquals(
        "0:0+30000@0 0:50000+50000@50000 0:c0000+7f40000@c0000",
        below("pc-q35-7.2", blocks, mch(2, 0, 0, 0)));
    assertEquals("0:0+a0000@0 0:c0000+7f40000@c0000", below("pc-q35-7.2", blocks, mch(1, 0, 0, 0)));
    assertEquals("0:0+8000000@0", below("pc-q35-7.2", blocks, mch(0, 0x48, 0, 0)));
  }

  /** A TSEG larger than memory, as nobody sets it. */
  @Test
  void tsegNeverReachesBelowOneMebibyte() throws Exception {
    List<RamBlock> blocks = List.of(block("pc.ram", 4 * MIB));
    assertEquals("0:0+a0000@0 0:c0000+40000@c0000", below("pc-q35-7.2", blocks, mch(0, 8, 5, 0)));
  }

  @Test
  void thousandsOfBlocksAndDevicesAreNoProblem() throws Exception {
    List<RamBlock> blocks = new ArrayList<>();
    List<DeviceSection> devices = new ArrayList<>();
    for (int i = 0; i < 4000; i++) {
      blocks.add(block("dev" + i + "/vga.vram", 4096));
      devices.add(vga("dev" + i + "/vga", 0x1000_0000L + i * 4096L, 2, 0));
    }
    MemoryMap map =
        assertTimeoutPreemptively(
            Duration.ofSeconds(20),
            () -> X86MemoryMap.of("pc", blocks, devices, OptionalLong.empty(), NO_TABLES));
    assertEquals(4000, map.ranges().size());
    assertEquals(
        Arrays.asList(7, 3999),
        List.of(
            map.at(0x1000_7000L).orElseThrow().block(),
            map.at(0x1000_0000L + 3999 * 4096L).orElseThrow().block()));
  }
}
