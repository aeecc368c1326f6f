package dev.vmstate.memory;

import static dev.vmstate.memory.MemoryInputs.GIB;
import static dev.vmstate.memory.MemoryInputs.MIB;
import static dev.vmstate.memory.MemoryInputs.block;
import static dev.vmstate.memory.MemoryInputs.cmos;
import static dev.vmstate.memory.MemoryInputs.srat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import java.io.IOException;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MemorySplitTest {
  private static final long PAGE = 4096;

  private static MemorySplit split(String machine, long ram, DeviceSection... devices)
      throws IOException {
    return X86MemoryMap.of(
            machine,
            List.of(block("pc.ram", ram)),
            List.of(devices),
            OptionalLong.empty(),
            block -> new byte[0])
        .split()
        .orElseThrow();
  }

  /** As firmware and RTC have it: both halves rounded down to 64 KiB. */
  private static DeviceSection rounded(long low, long high) throws IOException {
    return cmos(low & -0x10000L, high & -0x10000L);
  }

  /**
   * What {@code info mtree -f} of real QEMUs showed: below 4 GiB, in MiB, of RAM a page less than,
   * exactly and a page more than so many MiB; "all" where nothing is split.
   */
  @ParameterizedTest
  @CsvSource({
    "pc-i440fx-7.2, 2048, all, all, all",
    "pc-i440fx-7.2, 2816, all, all, all",
    "pc-i440fx-7.2, 3072, all, all, all",
    "pc-i440fx-7.2, 3584, all, 3072, 3072",
    "pc-i440fx-7.2, 4096, 3072, 3072, 3072",
    "pc-q35-10.0, 2048, all, all, all",
    "pc-q35-10.0, 2816, all, 2048, 2048",
    "pc-q35-10.0, 3072, 2048, 2048, 2048",
    "pc-q35-10.0, 3584, 2048, 2048, 2048",
    "pc-q35-10.0, 4096, 2048, 2048, 2048",
    "microvm, 2816, all, all, all",
    "microvm, 3072, all, all, 3072",
    "microvm, 3584, 3072, 3072, 3072",
    "microvm, 4096, 3072, 3072, 3072",
    "pc-i440fx-1.7, 3072, all, all, all",
    "pc-i440fx-1.7, 3584, all, all, 3584",
    "pc-i440fx-1.7, 4096, 3584, 3584, 3584",
    "isapc, 3584, all, all, 3584",
  })
  void everyBoundaryAndAPageBesideItWithCmosAndWithout(
      String machine, long mib, String below, String at, String above) throws Exception {
    String[] expected = {below, at, above};
    for (int i = 0; i < 3; i++) {
      long ram = mib * MIB + (i - 1) * PAGE;
      long low = expected[i].equals("all") ? ram : Long.parseLong(expected[i]) * MIB;
      MemorySplit alone = split(machine, ram);
      assertEquals(low, alone.below4g(), machine + " " + ram);
      assertEquals(MemorySplit.Source.RULE, alone.from());
      MemorySplit both = split(machine, ram, rounded(low, ram - low));
      assertEquals(low, both.below4g(), machine + " " + ram + " with CMOS");
      assertEquals(MemorySplit.Source.CMOS, both.from());
      assertTrue(both.evidence().stream().allMatch(both::agrees), both.reason());
    }
  }

  /** {@code max-ram-below-4g} and sizes that are no multiple of 64 KiB. */
  @Test
  void cmosDecidesAlsoWhereItIsRounded() throws Exception {
    MemorySplit split = split("pc-i440fx-7.2", 4 * GIB - PAGE, rounded(2 * GIB, 2 * GIB - PAGE));
    assertEquals(2 * GIB, split.below4g());
    assertEquals(MemorySplit.Source.CMOS, split.from());
    assertFalse(split.agrees(split.of(MemorySplit.Source.RULE).orElseThrow()));
    assertTrue(split.reason().endsWith("; the rule of this machine type says 3072 MiB"));
    // both halves are rounded: a whole number of units it was not
    split = split("pc-i440fx-7.2", 3 * GIB, rounded(2 * GIB - PAGE, GIB + PAGE));
    assertEquals(2 * GIB - PAGE, split.below4g());
    // nothing above: all of it is below, to the byte
    split = split("pc-i440fx-7.2", 4 * GIB - 0x3000, rounded(4 * GIB - 0x3000, 0));
    assertEquals(4 * GIB - 0x3000, split.below4g());
    assertEquals(0, split.above4g());
  }

  @Test
  void cmosThatDoesNotAddUpIsNotBelieved() throws Exception {
    MemorySplit split = split("pc-q35-7.2", 4 * GIB, cmos(2 * GIB, 3 * GIB));
    assertEquals(MemorySplit.Source.RULE, split.from());
    assertEquals(
        "below 4 GiB: 2048 MiB, from the rule of this machine type; CMOS says 2048 MiB + 3072 MiB"
            + " of 4096 MiB",
        split.reason());
    // one unit is not rounding
    split = split("pc-i440fx-7.2", 3 * GIB, cmos(2 * GIB, GIB - 0x20000));
    assertEquals(MemorySplit.Source.RULE, split.from());
  }

  private static MemorySplit withTables(long ram, byte[] tables, DeviceSection... devices)
      throws IOException {
    List<RamBlock> blocks =
        List.of(block("pc.ram", ram), block("dimm", GIB), block("/rom@etc/acpi/tables", 0x20000));
    return X86MemoryMap.of(
            "pc-q35-7.2", blocks, List.of(devices), OptionalLong.empty(), block -> tables)
        .split()
        .orElseThrow();
  }

  /** An SRAT with the split in {@code low}, the rest from {@code start} on. */
  private static byte[] table(long ram, long low, long start) {
    return srat(
        new long[] {0, 0, 0xa0000, 1},
        new long[] {0, MIB, low - MIB, 1},
        new long[] {0, start, ram - low, 1},
        new long[] {0, start + 64 * GIB, 8 * GIB, 3});
  }

  @Test
  void theSratIsMoreExactThanCmosAndComesBeforeTheRule() throws Exception {
    long odd = GIB - PAGE;
    MemorySplit split =
        withTables(4 * GIB, table(4 * GIB, odd, 4 * GIB), rounded(odd, 4 * GIB - odd));
    assertEquals(odd, split.below4g());
    assertEquals(MemorySplit.Source.CMOS, split.from());
    split = withTables(4 * GIB, table(4 * GIB, GIB, 4 * GIB));
    assertEquals(GIB, split.below4g());
    assertEquals(MemorySplit.Source.SRAT, split.from());
    // of another machine
    split = withTables(4 * GIB, table(5 * GIB, GIB, 4 * GIB));
    assertEquals(MemorySplit.Source.RULE, split.from());
  }

  /** An AMD CPU, and more addresses than fit below its HyperTransport hole: QEMU 7.1. */
  @Test
  void theRestStartsWhereTheSratSays() throws Exception {
    MemorySplit split = withTables(4 * GIB, table(4 * GIB, 2 * GIB, 1L << 40));
    assertEquals(1L << 40, split.above4gStart());
    assertTrue(split.reason().endsWith("; the rest from 0x10000000000 on"), split.reason());
  }
}
