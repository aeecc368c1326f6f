package dev.vmstate.memory;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.PciConfig;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The PCI functions of a machine, by the names of their sections, and where they show memory. */
final class PciFunctions {
  private final Map<String, PciConfig> functions = new LinkedHashMap<>();
  private final List<DeviceSection> devices;

  PciFunctions(List<DeviceSection> devices) throws IOException {
    this.devices = devices;
    for (DeviceSection device : devices) {
      Optional<PciConfig> config = PciConfig.of(device);
      if (config.isPresent()) {
        functions.putIfAbsent(device.name(), config.get());
      }
    }
  }

  boolean isEmpty() {
    return functions.isEmpty();
  }

  /** The function that answers at 0xa0000: class code 0x0300, a VGA controller. */
  Optional<PciConfig> vga() {
    return functions.values().stream().filter(config -> config.u16(0x0a) == 0x0300).findFirst();
  }

  /** Whether a card answers at 0xa0000, on PCI or, with a section that has no path, on ISA. */
  boolean hasVga() {
    return vga().isPresent()
        || devices.stream().anyMatch(d -> d.name().matches("vga|cirrus_vga|isa-cirrus-vga"));
  }

  /** The function whose section's name starts with {@code path}, e.g. {@code 0000:00:02.0/}. */
  private Optional<PciConfig> at(String path) {
    return functions.entrySet().stream()
        .filter(function -> function.getKey().startsWith(path))
        .findFirst()
        .map(Map.Entry::getValue);
  }

  /** Video RAM and expansion ROMs stand where the device's configuration space puts them. */
  void place(MapBuilder map) {
    for (int block = 0; block < map.blocks().size(); block++) {
      String name = map.blocks().get(block).name();
      int slash = name.lastIndexOf('/');
      if (name.startsWith("/") || slash < 0 && !isVideo(name)) {
        continue;
      }
      // Machines up to 2.3 name video RAM without the path of its device.
      String path = name.substring(0, slash + 1);
      Optional<PciConfig> config = slash >= 0 ? at(path) : isVmware(name) ? vmware() : vga();
      if (config.isEmpty() || !config.get().memoryEnabled()) {
        continue;
      }
      // The user names the memory of ivshmem.
      long address =
          slash >= 0 && at(path + "ivshmem").isPresent()
              ? config.get().memoryBar(2)
              : address(config.get(), name.substring(slash + 1));
      if (address > 0) {
        map.add(block, address, 0, map.blocks().get(block).bytes());
      }
    }
  }

  /** Where a function shows a region, or -1. */
  private static long address(PciConfig config, String region) {
    return switch (region) {
      case "vga.vram" -> config.memoryBar(0) >= 0 ? config.memoryBar(0) : config.memoryBar(1);
      case "bochs-display-vram" -> config.memoryBar(0);
      case "qxl.vram" -> config.memoryBar(1);
      case "qxl.vrom", "vmsvga.fifo" -> config.memoryBar(2);
      default -> region.endsWith(".rom") ? config.expansionRom() : -1;
    };
  }

  /** Whether a block without a path is a video card's. */
  static boolean isVideo(String name) {
    return name.equals("vga.vram")
        || name.startsWith("qxl.")
        || name.equals("vga.rom")
        || isVmware(name);
  }

  /** It has no path on any machine. */
  private static boolean isVmware(String name) {
    return name.equals("vmsvga.fifo");
  }

  private Optional<PciConfig> vmware() {
    return functions.entrySet().stream()
        .filter(function -> function.getKey().endsWith("/vmware_vga"))
        .findFirst()
        .map(Map.Entry::getValue);
  }
}
