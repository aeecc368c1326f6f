package dev.vmstate.memory;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.PciConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Where a PC's RAM blocks stand in guest-physical memory.
 *
 * <p>The stream does not say. The size below 4 GiB is what the firmware told the guest in CMOS
 * (bytes 0x34/0x35 and 0x5b-0x5d); it is cross-checked with the machine type's rule ({@code
 * hw/i386/pc_piix.c}, pc_init1; {@code pc_q35.c}, pc_q35_init; {@code microvm.c}). VRAM stands
 * where its BAR says, the BIOS ends at 4 GiB, and the PAM registers say whether 0xc0000 to 0xfffff
 * is RAM or ROM.
 */
public final class X86MemoryMap {
  private static final long MIB = 1L << 20;
  private static final long GIB = 1L << 30;
  private static final long FOUR_GIB = 4 * GIB;
  private static final long VGA_HOLE = 0xa0000;
  private static final long SHADOW = 0xc0000;

  /** QEMU pads the ACPI tables to 128 KiB, or 2 MiB for very large machines. */
  private static final long MOST_TABLES = 16 * MIB;

  private final String machine;
  private final List<RamBlock> blocks;
  private final List<DeviceSection> devices;
  private final List<MemoryMap.Range> ranges = new ArrayList<>();
  private final List<String> reasons = new ArrayList<>();
  private final Set<Integer> placed = new HashSet<>();

  /** The PCI functions in the order of their sections; read when first asked for. */
  private final Map<String, PciConfig> functions = new LinkedHashMap<>();

  private X86MemoryMap(String machine, List<RamBlock> blocks, List<DeviceSection> devices) {
    this.machine = machine;
    this.blocks = blocks;
    this.devices = devices;
  }

  /** The block of which {@link Contents} may be asked, or -1. */
  public static int askedFor(List<RamBlock> blocks) {
    for (int i = 0; i < blocks.size() && MainMemory.needsNodes(blocks); i++) {
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

  /**
   * Decides the map.
   *
   * @param below4g overrides what CMOS and the machine's rule say
   * @param contents of small blocks, for the ACPI tables of a guest with several memory backends
   */
  public static MemoryMap of(
      String machine,
      List<RamBlock> blocks,
      List<DeviceSection> devices,
      OptionalLong below4g,
      Contents contents)
      throws IOException {
    X86MemoryMap map = new X86MemoryMap(machine, blocks, devices);
    map.mainMemory(below4g, contents);
    map.firmware();
    map.bars();
    for (int i = 0; i < blocks.size(); i++) {
      if (!map.placed.contains(i)) {
        String name = blocks.get(i).name();
        boolean rom = name.startsWith("/rom@") || name.endsWith("rom") || name.contains("vram");
        map.reasons.add(
            name + (rom ? ": the CPU does not see it" : ": not placed, its address is not known"));
      }
    }
    return new MemoryMap(blocks, map.ranges, map.reasons);
  }

  private boolean microvm() {
    return machine.startsWith("microvm");
  }

  private void mainMemory(OptionalLong override, Contents contents) throws IOException {
    Optional<long[]> cmos = cmos();
    List<Long> nodes = List.of();
    int tables = askedFor(blocks);
    if (tables >= 0) {
      nodes = Srat.nodes(contents.of(tables));
    }
    OptionalLong sum =
        cmos.isPresent() ? OptionalLong.of(cmos.get()[0] + cmos.get()[1]) : OptionalLong.empty();
    MainMemory choice = MainMemory.choose(blocks, sum, nodes);
    if (!choice.reason().isEmpty()) {
      reasons.add(choice.reason());
    }
    List<Integer> main = choice.main();
    long total = main.stream().mapToLong(i -> blocks.get(i).bytes()).sum();
    long low;
    long rule = rule(total);
    if (override.isPresent()) {
      low = Math.min(override.getAsLong(), total);
      reasons.add("below 4 GiB: %s, as asked".formatted(size(low)));
    } else if (cmos.isPresent() && cmos.get()[0] + cmos.get()[1] == total) {
      low = cmos.get()[0];
      reasons.add(
          "below 4 GiB: %s, from CMOS%s"
              .formatted(
                  size(low),
                  low == rule
                      ? "; the rule of this machine type agrees"
                      : "; the rule of this machine type says %s".formatted(size(rule))));
    } else {
      low = rule;
      reasons.add(
          "below 4 GiB: %s, from the rule of this machine type (CMOS %s)"
              .formatted(
                  size(low),
                  cmos.map(c -> "says %s + %s of %s".formatted(size(c[0]), size(c[1]), size(total)))
                      .orElse("is not in the stream")));
    }
    low = Math.min(low, FOUR_GIB);
    long start = 0;
    for (int block : main) {
      placed.add(block);
      long bytes = blocks.get(block).bytes();
      place(block, start, 0, Math.max(0, Math.min(bytes, low - start)));
      long above = Math.max(0, Math.min(bytes, low - start));
      place(block, FOUR_GIB + start + above - low, above, bytes - above);
      start += bytes;
    }
    plugged(choice.plugged(), FOUR_GIB + total - low);
  }

  /**
   * DIMMs: QEMU gives each the first free place from the next GiB above main memory on ({@code
   * hw/mem/memory-device.c}). An {@code addr=} of the user is not in the stream.
   */
  private void plugged(List<Integer> dimms, long end) {
    long at = end + GIB - 1 & -GIB;
    for (int dimm : dimms) {
      long bytes = blocks.get(dimm).bytes();
      reasons.add(
          "%s at 0x%x: assumed, where QEMU puts a DIMM without addr="
              .formatted(blocks.get(dimm).name(), at));
      add(dimm, at, 0, bytes);
      at += bytes;
    }
  }

  /** Adds a piece of main memory, leaving out what the chipset hides below 1 MiB. */
  private void place(int block, long address, long offset, long bytes) throws IOException {
    if (bytes <= 0) {
      return;
    }
    if (address >= MIB) {
      add(block, address, offset, bytes);
      return;
    }
    long end = address + bytes;
    Chipset chipset = Chipset.of(devices);
    boolean hole = vga().isPresent() || functions.isEmpty() && !microvm();
    long bios = MIB - isaBiosBytes();
    for (long at = address; at < Math.min(end, MIB); ) {
      long next = at < VGA_HOLE ? VGA_HOLE : at < SHADOW ? SHADOW : (at & -0x4000L) + 0x4000;
      next = Math.min(next, end);
      boolean visible =
          at < VGA_HOLE
              || (at < SHADOW
                  ? !hole || chipset.smramOpen()
                  : microvm() ? at < bios : chipset.shadowRam(at));
      if (visible) {
        add(block, at, offset + at - address, next - at);
      }
      at = next;
    }
    if (end > MIB) {
      add(block, MIB, offset + MIB - address, end - MIB);
    }
  }

  /** BIOS and option ROMs: what is read below 1 MiB where the chipset does not show RAM. */
  private void firmware() throws IOException {
    int bios = find("pc.bios");
    if (bios >= 0) {
      long bytes = blocks.get(bios).bytes();
      add(bios, FOUR_GIB - bytes, 0, bytes);
    }
    int flash = find("system.flash0");
    long top = FOUR_GIB;
    for (int i = 0; flash >= 0 && i < 2; i++, flash = find("system.flash" + i)) {
      top -= blocks.get(flash).bytes();
      add(flash, top, 0, blocks.get(flash).bytes());
    }
    int source = isaBios();
    if (source >= 0) {
      long bytes = isaBiosBytes();
      fillHoles(source, MIB - bytes, blocks.get(source).bytes() - bytes, bytes);
    }
    int rom = find("pc.rom");
    if (rom >= 0) {
      fillHoles(rom, SHADOW, 0, Math.min(blocks.get(rom).bytes(), 128 << 10));
    }
  }

  /** The block whose end is seen below 1 MiB, or -1. */
  private int isaBios() {
    int own = find("isa-bios");
    return own >= 0 ? own : find("pc.bios");
  }

  private long isaBiosBytes() {
    int block = isaBios();
    return block < 0 ? 0 : Math.min(blocks.get(block).bytes(), 128 << 10);
  }

  private void fillHoles(int block, long address, long offset, long bytes) {
    for (long at = 0; at < bytes; at += 0x1000) {
      add(block, address + at, offset + at, Math.min(0x1000, bytes - at));
    }
  }

  /** Video RAM and expansion ROMs stand where the device's configuration space puts them. */
  private void bars() throws IOException {
    for (int block = 0; block < blocks.size(); block++) {
      String name = blocks.get(block).name();
      int slash = name.lastIndexOf('/');
      if (name.startsWith("/") || slash < 0 && !isVideo(name)) {
        continue;
      }
      // Machines up to 2.3 name video RAM without the path of its device.
      Optional<PciConfig> config = slash < 0 ? vga() : pci(name.substring(0, slash + 1));
      if (config.isEmpty() || !config.get().memoryEnabled()) {
        continue;
      }
      long address = address(config.get(), name.substring(slash + 1));
      if (address > 0) {
        add(block, address, 0, blocks.get(block).bytes());
      }
    }
  }

  /** Where a function shows a region, or -1. */
  private static long address(PciConfig config, String region) {
    return switch (region) {
      case "vga.vram" -> config.memoryBar(0) >= 0 ? config.memoryBar(0) : config.memoryBar(1);
      case "qxl.vram" -> config.memoryBar(1);
      case "qxl.vrom" -> config.memoryBar(2);
      default -> region.endsWith(".rom") ? config.expansionRom() : -1;
    };
  }

  /** Whether a block without a path is a video card's. */
  static boolean isVideo(String name) {
    return name.equals("vga.vram") || name.startsWith("qxl.") || name.equals("vga.rom");
  }

  /** The function that answers at 0xa0000: class code 0x0300, a VGA controller. */
  private Optional<PciConfig> vga() throws IOException {
    readFunctions();
    return functions.values().stream().filter(config -> config.u16(0x0a) == 0x0300).findFirst();
  }

  /** The function whose section's name starts with {@code path}, e.g. {@code 0000:00:02.0/}. */
  private Optional<PciConfig> pci(String path) throws IOException {
    readFunctions();
    return functions.entrySet().stream()
        .filter(function -> function.getKey().startsWith(path))
        .findFirst()
        .map(Map.Entry::getValue);
  }

  private void readFunctions() throws IOException {
    if (functions.isEmpty()) {
      for (DeviceSection device : devices) {
        Optional<PciConfig> config = PciConfig.of(device);
        if (config.isPresent()) {
          functions.putIfAbsent(device.name(), config.get());
        }
      }
    }
  }

  /** Adds a range unless something already stands there. */
  private void add(int block, long start, long offset, long bytes) {
    if (bytes <= 0 || start < 0 || start + bytes < 0) {
      return;
    }
    for (MemoryMap.Range range : ranges) {
      if (start < range.end() && range.start() < start + bytes) {
        if (bytes > 0x1000) {
          reasons.add(
              "%s at 0x%x: hidden by %s"
                  .formatted(blocks.get(block).name(), start, blocks.get(range.block()).name()));
        }
        return;
      }
    }
    placed.add(block);
    ranges.add(new MemoryMap.Range(start, bytes, block, offset));
  }

  private int find(String name) {
    for (int i = 0; i < blocks.size(); i++) {
      if (blocks.get(i).name().equals(name)) {
        return i;
      }
    }
    return -1;
  }

  /** Sizes below and above 4 GiB as the firmware left them in CMOS. */
  private Optional<long[]> cmos() throws IOException {
    for (DeviceSection device : devices) {
      if (device.name().equals("mc146818rtc") && !device.root().children().isEmpty()) {
        Field first = device.root().children().get(0);
        if (first.name().equals("cmos_data") && first.span().length() == 128) {
          byte[] data = device.bytes(first);
          long low = 16 * MIB + 65536L * word(data, 0x34);
          long high = 65536L * (word(data, 0x5b) | (data[0x5d] & 0xffL) << 16);
          if (word(data, 0x34) == 0) {
            low = MIB + 1024L * word(data, 0x30);
          }
          return Optional.of(new long[] {low, high});
        }
      }
    }
    return Optional.empty();
  }

  private static int word(byte[] data, int at) {
    return data[at] & 0xff | (data[at + 1] & 0xff) << 8;
  }

  private long rule(long total) {
    if (microvm()) {
      return Math.min(total, 3 * GIB);
    }
    if (machine.contains("q35")) {
      return total >= 0xb000_0000L ? 2 * GIB : total;
    }
    // Up to pc-i440fx-1.7 the split was at 3.5 GiB and not aligned to a gigabyte.
    boolean aligned = !machine.matches("pc-(i440fx-)?[01]\\..*") && !machine.equals("isapc");
    return total < 0xe000_0000L ? total : aligned ? 3 * GIB : 0xe000_0000L;
  }

  private static String size(long bytes) {
    return bytes % MIB == 0 ? bytes / MIB + " MiB" : "0x" + Long.toHexString(bytes) + " bytes";
  }
}
