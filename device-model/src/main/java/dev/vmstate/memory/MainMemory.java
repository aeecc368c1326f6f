package dev.vmstate.memory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/**
 * Which RAM blocks make up a PC's main memory. Usually one, {@code pc.ram}; with memory backends (a
 * NUMA guest, {@code -machine memory-backend=}) there is a block per backend, named after it, and
 * no {@code pc.ram}. The stream lists blocks by size, so backends are put in the order of their
 * names.
 */
public final class MainMemory {
  private static final Set<String> MAIN = Set.of("pc.ram", "microvm.ram", "xen.ram");
  private static final Set<String> FIRMWARE =
      Set.of("pc.bios", "pc.rom", "isa-bios", "system.flash0", "system.flash1");

  private MainMemory() {}

  /** Indexes of the blocks, in address order. */
  public static List<Integer> blocks(List<RamBlock> blocks) {
    List<Integer> main = new ArrayList<>();
    for (int i = 0; i < blocks.size(); i++) {
      if (MAIN.contains(blocks.get(i).name())) {
        return List.of(i);
      }
    }
    for (int i = 0; i < blocks.size(); i++) {
      String name = blocks.get(i).name();
      boolean backend = name.startsWith("/objects/") || !name.contains("/");
      if (backend && !FIRMWARE.contains(name)) {
        main.add(i);
      }
    }
    main.sort(Comparator.comparing(i -> natural(blocks.get(i).name())));
    return main;
  }

  /** Bytes of main memory: what the machine was given with {@code -m}. */
  public static long bytes(List<RamBlock> blocks) {
    return blocks(blocks).stream().mapToLong(i -> blocks.get(i).bytes()).sum();
  }

  /** Pads numbers so that node10 comes after node9. */
  private static String natural(String name) {
    StringBuilder key = new StringBuilder();
    for (String part : name.split("(?<=\\D)(?=\\d)|(?<=\\d)(?=\\D)")) {
      boolean number = !part.isEmpty() && Character.isDigit(part.charAt(0)) && part.length() < 12;
      key.append(number ? "0".repeat(12 - part.length()) + part : part);
    }
    return key.toString();
  }
}
