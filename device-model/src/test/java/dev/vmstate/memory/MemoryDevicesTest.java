package dev.vmstate.memory;

import static dev.vmstate.memory.MemoryInputs.GIB;
import static dev.vmstate.memory.MemoryInputs.MIB;
import static dev.vmstate.memory.MemoryInputs.block;
import static dev.vmstate.memory.MemoryInputs.srat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSections;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class MemoryDevicesTest {
  private static final RamBlock RAM = block("pc.ram", 256 * MIB);
  private static final RamBlock TABLES = block("/rom@etc/acpi/tables", 0x20000);

  private static MemoryMap map(List<RamBlock> blocks, byte[] tables, DeviceSection... devices)
      throws IOException {
    return X86MemoryMap.of(
        "pc-q35-7.2", blocks, List.of(devices), OptionalLong.empty(), block -> tables);
  }

  /** {@code name:bytes@address} from 4 GiB on, sizes in MiB. */
  private static String high(MemoryMap map) {
    return map.ranges().stream()
        .filter(r -> r.start() >= 4 * GIB)
        .map(
            r ->
                "%s:%d@%x"
                    .formatted(map.blocks().get(r.block()).name(), r.bytes() / MIB, r.start()))
        .collect(Collectors.joining(" "));
  }

  /** The stream lists them by size: a, of 128 MiB, was plugged before b. */
  @Test
  void dimmsAreTakenToBePluggedInTheOrderOfTheirNames() throws Exception {
    List<RamBlock> blocks = List.of(block("b", 512 * MIB), RAM, block("a", 128 * MIB));
    assertEquals("a:128@100000000 b:512@108000000", high(map(blocks, new byte[0])));
  }

  /** Blocks of one size stand in the order they were made: then names mean nothing. */
  @Test
  void unlessTheStreamSaysOtherwise() throws Exception {
    List<RamBlock> blocks =
        List.of(block("z", 128 * MIB), block("y", 128 * MIB), block("x", 64 * MIB), RAM);
    assertEquals("z:128@100000000 y:128@108000000 x:64@110000000", high(map(blocks, new byte[0])));
  }

  @Test
  void theHotplugRegionStartsWhereTheSratSays() throws Exception {
    byte[] tables =
        srat(
            new long[] {0, 0, 0xa0000, 1},
            new long[] {0, MIB, 255 * MIB, 1},
            new long[] {0, 1L << 40, 8 * GIB, 3});
    assertEquals("a:64@10000000000", high(map(List.of(RAM, block("a", 64 * MIB), TABLES), tables)));
  }

  /** With a label area at its end, which the guest does not see as memory. */
  @Test
  void anNvdimmStandsWhereTheSratSaysAndIsAsLong() throws Exception {
    byte[] tables =
        srat(
            new long[] {0, 0, 0xa0000, 1},
            new long[] {0, MIB, 255 * MIB, 1},
            new long[] {0, 0x1_1000_0000L, 254 * MIB, 5},
            new long[] {0, 4 * GIB, 8 * GIB, 3});
    MemoryMap map =
        map(List.of(RAM, block("dimm", 256 * MIB), block("nv", 256 * MIB), TABLES), tables);
    assertEquals("dimm:256@100000000 nv:254@110000000", high(map));
    assertEquals(256 * MIB, map.split().orElseThrow().below4g());
  }

  private static DeviceSection virtioMem(long address, long bytes) throws IOException {
    return DeviceSections.of(
        "0000:00:03.0/virtio-mem", 0, d -> d.i64("addr", address).i64("region_size", bytes));
  }

  @Test
  void virtioMemSaysItselfAndOthersMakeWay() throws Exception {
    List<RamBlock> blocks =
        List.of(
            block("0000:00:03.0/vm", 512 * MIB),
            RAM,
            block("a", 256 * MIB),
            block("b", 128 * MIB),
            TABLES);
    MemoryMap map = map(blocks, new byte[0], virtioMem(0x1_1000_0000L, 512 * MIB));
    assertEquals("a:256@100000000 0000:00:03.0/vm:512@110000000 b:128@130000000", high(map));
    assertTrue(
        map.reasons().toString().contains("/vm at 0x110000000: from 0000:00:03.0/virtio-mem"));
    // another block's
    map = map(blocks, new byte[0], virtioMem(0x1_1000_0000L, 511 * MIB));
    assertTrue(map.reasons().toString().contains("/vm: not placed"), map.reasons().toString());
    // nonsense
    map = map(blocks, new byte[0], virtioMem(-5, 512 * MIB));
    assertTrue(map.reasons().toString().contains("/vm: not placed"), map.reasons().toString());
  }

  @Test
  void thousandsOfDimmsAreNoProblem() {
    List<RamBlock> blocks = new ArrayList<>(List.of(RAM));
    for (int i = 0; i < 4000; i++) {
      blocks.add(block("d" + i, 2 * MIB));
    }
    MemoryMap map =
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> map(blocks, new byte[0]));
    assertEquals(3999, map.at(4 * GIB + 3999 * 2 * MIB).orElseThrow().block() - 1);
  }
}
