package dev.vmstate.memory;

import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.cpu.X86Sections;
import dev.vmstate.device.DeviceSection;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where a PC's RAM blocks stand in guest-physical memory.
 *
 * <p>The stream does not say. {@link MemorySplit} decides how much of main memory is below 4 GiB,
 * {@link MemoryDevices} where DIMMs are. VRAM stands where its BAR says, the BIOS ends at 4 GiB,
 * and the {@link Chipset} says what hides RAM: ROM below 1 MiB, system management mode.
 */
public final class X86MemoryMap {
  private static final long MIB = 1L << 20;
  private static final long FOUR_GIB = MemorySplit.FOUR_GIB;
  private static final long VGA_HOLE = 0xa0000;
  private static final long SHADOW = 0xc0000;
  private static final long SMBASE = 0x30000;
  private static final long SMBASE_END = 0x50000;

  /** QEMU pads the ACPI tables to 128 KiB, or 2 MiB for very large machines. */
  private static final long MOST_TABLES = 16 * MIB;

  private final String machine;
  private final List<DeviceSection> devices;
  private final MapBuilder map;
  private final PciFunctions functions;
  private final Chipset chipset;

  /** A CPU in system management mode sees what is hidden from all others. */
  private final boolean smm;

  private X86MemoryMap(String machine, List<RamBlock> blocks, List<DeviceSection> devices)
      throws IOException {
    this.machine = machine;
    this.devices = devices;
    this.map = new MapBuilder(blocks);
    this.functions = new PciFunctions(devices);
    this.chipset = Chipset.of(devices);
    this.smm = smm(devices);
  }

  /** The block of which {@link Contents} may be asked, or -1. */
  public static int askedFor(List<RamBlock> blocks) {
    for (int i = 0; i < blocks.size() && MainMemory.hasBackends(blocks); i++) {
      if (blocks.get(i).name().equals(Srat.BLOCK) && blocks.get(i).bytes() <= MOST_TABLES) {
        return i;
      }
    }
    return -1;
  }

  /** Reads a RAM block's bytes; asked only when the stream's ends do not decide. */
  public interface Contents {
    /** All bytes of the block with that index. */
    byte[] of(int block) throws IOException;
  }

  /** Decides the map; {@code below4g} as an option has it. */
  public static MemoryMap of(
      String machine,
      List<RamBlock> blocks,
      List<DeviceSection> devices,
      OptionalLong below4g,
      Contents contents)
      throws IOException {
    Optional<MemorySplit.Asked> asked =
        below4g.isEmpty()
            ? Optional.empty()
            : Optional.of(MemorySplit.Asked.byUser(below4g.getAsLong()));
    return of(machine, blocks, devices, asked, contents);
  }

  /**
   * Decides the map.
   *
   * @param asked overrides what CMOS, the SRAT and the machine's rule say
   * @param contents of small blocks, for the ACPI tables of a guest with memory backends
   */
  public static MemoryMap of(
      String machine,
      List<RamBlock> blocks,
      List<DeviceSection> devices,
      Optional<MemorySplit.Asked> asked,
      Contents contents)
      throws IOException {
    X86MemoryMap x86 = new X86MemoryMap(machine, blocks, devices);
    int tables = askedFor(blocks);
    Optional<Srat> srat = tables < 0 ? Optional.empty() : Srat.in(contents.of(tables));
    Optional<CmosMemory> cmos = CmosMemory.of(devices);
    MainMemory choice = MainMemory.choose(blocks, cmos, srat.map(Srat::nodes).orElse(List.of()));
    if (!choice.reason().isEmpty()) {
      x86.map.because(choice.reason());
    }
    long total = choice.main().stream().mapToLong(i -> blocks.get(i).bytes()).sum();
    MemorySplit split =
        MemorySplit.decide(total, MachineRule.below4g(machine, total), cmos, srat, asked);
    x86.map.because(split.reason());
    x86.mainMemory(choice.main(), split);
    new MemoryDevices(x86.map, devices, srat).place(choice.plugged(), split.end());
    x86.firmware();
    x86.functions.place(x86.map);
    return x86.map.build(split);
  }

  private void mainMemory(List<Integer> main, MemorySplit split) {
    long low = split.below4g();
    long start = 0;
    for (int block : main) {
      map.placed(block);
      long bytes = map.blocks().get(block).bytes();
      long below = Math.max(0, Math.min(bytes, low - start));
      place(block, start, below, low);
      map.add(block, split.above4gStart() + start + below - low, below, bytes - below);
      start += bytes;
    }
    if (tseg() > 0) {
      map.because(
          "the last %s below 4 GiB: TSEG, seen in system management mode only"
              .formatted(MemorySplit.size(tseg())));
    }
  }

  /** Adds a piece of main memory below 4 GiB, leaving out what the chipset hides. */
  private void place(int block, long address, long bytes, long low) {
    long end = address + bytes;
    long tseg = Math.max(MIB, low - tseg());
    for (long at = address; at < end; ) {
      long next = Math.min(end, at < MIB ? Math.min(MIB, nextChange(at)) : at < tseg ? tseg : end);
      if (at < MIB ? visible(at) : at < tseg) {
        map.add(block, at, at - address, next - at);
      }
      at = next;
    }
  }

  private long tseg() {
    return smm ? 0 : chipset.tseg();
  }

  /** HF_SMM_MASK: {@code target/i386/cpu.h}. */
  private static boolean smm(List<DeviceSection> devices) throws IOException {
    for (X86Cpu cpu : X86Sections.cpus(devices)) {
      if ((cpu.find("hflags").map(Register::value).orElse(0L) >> 19 & 1) != 0) {
        return true;
      }
    }
    return false;
  }

  /** Where visibility below 1 MiB may change next. */
  private static long nextChange(long at) {
    for (long edge : new long[] {SMBASE, SMBASE_END, VGA_HOLE, SHADOW}) {
      if (at < edge) {
        return edge;
      }
    }
    return (at & -0x4000L) + 0x4000;
  }

  /** Whether RAM is seen at {@code at}, below 1 MiB. */
  private boolean visible(long at) {
    boolean microvm = MachineRule.microvm(machine);
    if (at < VGA_HOLE) {
      return at < SMBASE || at >= SMBASE_END || smm || !chipset.smbaseLocked();
    }
    if (at < SHADOW) {
      boolean unknown = functions.isEmpty() && !microvm && !noPci();
      return !(functions.hasVga() || unknown) || chipset.smramOpen();
    }
    if (microvm) {
      return at < MIB - isaBiosBytes();
    }
    return !noPci() && chipset.shadowRam(at);
  }

  /** A PC of the nineties: no host bridge that could put RAM over its ROMs. */
  private boolean noPci() {
    return machine.equals("isapc")
        || machine.isEmpty() && functions.isEmpty() && !devices.isEmpty();
  }

  /** BIOS and option ROMs: what is read below 1 MiB where the chipset does not show RAM. */
  private void firmware() {
    int bios = map.find("pc.bios");
    if (bios >= 0) {
      long bytes = bytes(bios);
      map.add(bios, FOUR_GIB - bytes, 0, bytes);
    }
    int flash = map.find("system.flash0");
    long top = FOUR_GIB;
    for (int i = 0; flash >= 0 && i < 2; i++, flash = map.find("system.flash" + i)) {
      top -= bytes(flash);
      map.add(flash, top, 0, bytes(flash));
    }
    int source = isaBios();
    if (source >= 0) {
      long bytes = isaBiosBytes();
      map.fill(source, MIB - bytes, bytes(source) - bytes, bytes);
    }
    int rom = map.find("pc.rom");
    if (rom >= 0) {
      map.fill(rom, SHADOW, 0, Math.min(bytes(rom), 128 << 10));
    }
  }

  private long bytes(int block) {
    return map.blocks().get(block).bytes();
  }

  /** The block whose end is seen below 1 MiB, or -1. */
  private int isaBios() {
    int own = map.find("isa-bios");
    return own >= 0 ? own : map.find("pc.bios");
  }

  private long isaBiosBytes() {
    int block = isaBios();
    return block < 0 ? 0 : Math.min(bytes(block), 128 << 10);
  }
}
