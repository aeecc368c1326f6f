package dev.vmstate.core.physical;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.Cpus;
import dev.vmstate.core.LinuxGuest;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.fixtures.KallsymsBuilder;
import dev.vmstate.fixtures.KallsymsBuilder.Entries;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.MemorySplit.Asked;
import dev.vmstate.memory.MemorySplit.Source;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.memory.X86MemoryMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/**
 * A Linux on a q35 of 4 GiB of which nobody but the machine's rule knows where it is split, and
 * whose page tables map the first GiB only.
 */
class LinuxE820Test {
  private static final long GIB = 1L << 30;
  private static final int IMAGE = 0x60_0000;
  private static final int BOOT_PARAMS = 0x20_5000;
  private static final int KALLSYMS = 0x14_0000;

  private final ArrayMemory ram = ArrayMemory.at(0, 0xa0000, 0x10_0000, 31 << 20);
  private final LinuxGuest guest = new LinuxGuest(ram, false, IMAGE, 0).banner(LinuxGuest.RELEASE);
  private final List<X86Cpu> cpus =
      List.of(
          Cpus.of(
              0,
              "rip=%x cs.flags=200000 cr0=80000001 efer=500 cr4=20 cr3=%x"
                  .formatted(guest.start() + 0x80, guest.root())));

  /** {@code count}: what boot_params says, whatever follows. */
  private void bootParams(int count, long... startBytesType) {
    KallsymsBuilder symbols = KallsymsBuilder.of(8).entries(Entries.BASE, guest.start()).seqs(3);
    for (int i = 0; i < 300; i++) {
      symbols.symbol(guest.start() + 16L * i, 't', "some_function_" + i);
    }
    symbols.symbol(guest.start() + BOOT_PARAMS, 'B', "boot_params");
    ram.bytes(IMAGE + KALLSYMS, symbols.build(guest.start() + KALLSYMS));
    ByteBuffer table = ByteBuffer.allocate(20 * startBytesType.length / 3);
    table.order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < startBytesType.length; i += 3) {
      table.putLong(startBytesType[i]).putLong(startBytesType[i + 1]);
      table.putInt((int) startBytesType[i + 2]);
    }
    ram.bytes(IMAGE + BOOT_PARAMS + 0x1e8, new byte[] {(byte) count});
    ram.bytes(IMAGE + BOOT_PARAMS + 0x2d0, table.array());
  }

  /** As UEFI has it: low memory in pieces that the firmware keeps or gives back. */
  private void splitAt(long low) {
    bootParams(
        7,
        0,
        0xa0000,
        1,
        0x10_0000,
        low - 0x40_0000,
        1,
        low - 0x30_0000,
        0x10_0000,
        4,
        low - 0x20_0000,
        0x20_0000,
        2,
        0xb000_0000L,
        0x1000_0000,
        2,
        0xffc0_0000L,
        0x40_0000,
        2,
        4 * GIB,
        4 * GIB - low,
        1);
  }

  private static MemoryMap map(Optional<Asked> asked) throws IOException {
    List<RamBlock> blocks = List.of(new RamBlock("pc.ram", 4 * GIB, 4096));
    return X86MemoryMap.of("pc-q35-7.2", blocks, List.of(), asked, block -> new byte[0]);
  }

  private MemoryMap check() throws IOException {
    GuestMemory memory =
        new GuestMemory() {
          @Override
          public MemoryMap map() {
            throw new AssertionError("the map is what is checked");
          }

          @Override
          public void readBlock(int block, long offset, ByteBuffer into) {
            Optional<MemoryMap.Range> there = ram.map().at(offset);
            if (there.isPresent() && offset + into.remaining() <= there.get().end()) {
              ram.readBlock(there.get().block(), offset - there.get().start(), into);
            } else {
              into.put(new byte[into.remaining()]);
            }
          }
        };
    return MapCheck.of(
        memory, cpus, map(Optional.empty()), asked -> Optional.of(map(Optional.of(asked))));
  }

  @Test
  void isFoundByItsSymbol() throws Exception {
    splitAt(GIB);
    E820 e820 = LinuxE820.in(ram, cpus).orElseThrow();
    assertEquals(7, e820.entries().size());
    assertEquals(new E820.Entry(GIB - 0x30_0000, 0x10_0000, 4), e820.entries().get(2));
    assertEquals(OptionalLong.of(GIB), e820.below4g(4 * GIB));
    assertEquals(OptionalLong.of(4 * GIB), e820.above4gStart());
    assertEquals(OptionalLong.empty(), e820.below4g(5 * GIB));
  }

  @Test
  void isTakenWhereNothingElseTells() throws Exception {
    splitAt(GIB);
    MemoryMap checked = check();
    assertEquals(GIB, checked.split().orElseThrow().below4g());
    assertEquals(Source.E820, checked.split().orElseThrow().from());
    assertTrue(
        checked
            .reasons()
            .get(0)
            .startsWith("below 4 GiB: 1024 MiB, from the guest's e820; the rule of this machine"),
        checked.reasons().toString());
  }

  @Test
  void agreesWithTheRule() throws Exception {
    splitAt(2 * GIB);
    MemoryMap checked = check();
    assertEquals(Source.RULE, checked.split().orElseThrow().from());
    assertTrue(
        checked.reasons().get(0).contains("; the guest's e820 agrees"),
        checked.reasons().toString());
  }

  /** Not as many entries as it says, or not in order, or none. */
  @Test
  void oneThatIsBrokenIsNone() throws Exception {
    splitAt(GIB);
    for (int count : new int[] {0, 8, 128, 255}) {
      ram.bytes(IMAGE + BOOT_PARAMS + 0x1e8, new byte[] {(byte) count});
      assertEquals(Optional.empty(), LinuxE820.in(ram, cpus), "count " + count);
    }
    bootParams(2, 0x10_0000, GIB, 1, 0, 0xa0000, 1);
    assertEquals(Optional.empty(), LinuxE820.in(ram, cpus));
    bootParams(1, 0, -1, 1);
    assertEquals(Optional.empty(), LinuxE820.in(ram, cpus));
    assertEquals(2 * GIB, check().split().orElseThrow().below4g());
  }

  @Test
  void withoutALinuxThereIsNone() throws Exception {
    ArrayMemory other = ArrayMemory.at(0, 0xa0000, 0x10_0000, 31 << 20);
    LinuxGuest nameless = new LinuxGuest(other, false, IMAGE, 0);
    assertEquals(nameless.root(), guest.root());
    assertEquals(Optional.empty(), LinuxE820.in(other, cpus));
  }
}
