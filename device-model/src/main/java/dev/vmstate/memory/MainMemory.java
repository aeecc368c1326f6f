package dev.vmstate.memory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Which RAM blocks make up a PC's main memory, in address order, and which were plugged in beside
 * it.
 *
 * <p>Usually main memory is one block, {@code pc.ram}. With memory backends (a NUMA guest, {@code
 * -machine memory-backend=}) there is a block per backend, named after it by the user; DIMMs look
 * the same. The stream lists blocks by size, blocks of one size in the order they were made, so it
 * does not tell which is which: the ACPI table SRAT, which the guest's firmware was given, has the
 * size of every node, and CMOS has the sum.
 *
 * @param main block indexes, lowest address first
 * @param plugged block indexes of DIMMs
 * @param reason how that was decided, or empty when there was nothing to decide
 */
public record MainMemory(List<Integer> main, List<Integer> plugged, String reason) {
  private static final Set<String> MAIN = Set.of("pc.ram", "microvm.ram", "xen.ram");
  private static final Set<String> OTHER =
      Set.of("pc.bios", "pc.rom", "isa-bios", "system.flash0", "system.flash1");

  /** Subsets of so many backends are tried; real guests have a handful. */
  private static final int MOST_TRIED = 16;

  public MainMemory {
    main = List.copyOf(main);
    plugged = List.copyOf(plugged);
  }

  /** Bytes of main memory; DIMMs count where only their size could tell them apart. */
  public static long bytes(List<RamBlock> blocks) {
    return sum(blocks, choose(blocks, Optional.empty(), List.of()).main());
  }

  /**
   * Decides.
   *
   * @param cmos what CMOS says of the size of main memory
   * @param nodes sizes of the NUMA nodes in order, or empty
   */
  static MainMemory choose(List<RamBlock> blocks, Optional<CmosMemory> cmos, List<Long> nodes) {
    List<Integer> backends = backends(blocks);
    for (int i = 0; i < blocks.size(); i++) {
      if (MAIN.contains(blocks.get(i).name())) {
        return new MainMemory(List.of(i), backends, "");
      }
    }
    if (backends.size() <= 1) {
      return new MainMemory(backends, List.of(), "");
    }
    Optional<List<Integer>> byNode = byNode(blocks, backends, nodes);
    if (byNode.isPresent()) {
      return new MainMemory(
          byNode.get(),
          without(backends, byNode.get()),
          "main memory: the blocks %s, which have the sizes of the NUMA nodes in the SRAT"
              .formatted(names(blocks, byNode.get())));
    }
    List<Integer> byName = new ArrayList<>(backends);
    byName.sort(Comparator.comparing(i -> natural(blocks.get(i).name())));
    List<Integer> main = byName;
    if (cmos.isPresent() && !cmos.get().fits(sum(blocks, byName))) {
      main = fitting(blocks, byName, cmos.get()).orElse(byName);
    }
    String order =
        main.size() > 1 ? "; their order is assumed from the names, nothing tells it" : "";
    return new MainMemory(
        main,
        without(backends, main),
        "main memory: the blocks %s%s".formatted(names(blocks, main), order));
  }

  /** Whether there is more than one block nobody but the SRAT tells the place of. */
  static boolean hasBackends(List<RamBlock> blocks) {
    boolean main = blocks.stream().anyMatch(b -> MAIN.contains(b.name()));
    return backends(blocks).size() > (main ? 0 : 1);
  }

  /** Blocks named by the user: no device's path, no firmware, nothing of QEMU's own. */
  private static List<Integer> backends(List<RamBlock> blocks) {
    List<Integer> backends = new ArrayList<>();
    for (int i = 0; i < blocks.size(); i++) {
      String name = blocks.get(i).name();
      boolean user = name.startsWith("/objects/") || !name.contains("/");
      boolean known = MAIN.contains(name) || OTHER.contains(name) || PciFunctions.isVideo(name);
      if (user && !known) {
        backends.add(i);
      }
    }
    return backends;
  }

  private static Optional<List<Integer>> byNode(
      List<RamBlock> blocks, List<Integer> backends, List<Long> nodes) {
    List<Integer> left = new ArrayList<>(backends);
    List<Integer> main = new ArrayList<>();
    for (long node : nodes) {
      Optional<Integer> block =
          left.stream().filter(i -> blocks.get(i).bytes() == node).findFirst();
      if (block.isEmpty()) {
        return Optional.empty();
      }
      left.remove(block.get());
      main.add(block.get());
    }
    return main.isEmpty() ? Optional.empty() : Optional.of(main);
  }

  /** The largest subset whose sum CMOS may have, if there is one. */
  private static Optional<List<Integer>> fitting(
      List<RamBlock> blocks, List<Integer> from, CmosMemory cmos) {
    List<Integer> tried = from.subList(0, Math.min(from.size(), MOST_TRIED));
    List<Integer> best = List.of();
    for (int bits = 1; bits < 1 << tried.size(); bits++) {
      if (Integer.bitCount(bits) > best.size()) {
        List<Integer> subset = new ArrayList<>();
        for (int i = 0; i < tried.size(); i++) {
          if ((bits >> i & 1) != 0) {
            subset.add(tried.get(i));
          }
        }
        best = cmos.fits(sum(blocks, subset)) ? subset : best;
      }
    }
    return best.isEmpty() ? Optional.empty() : Optional.of(best);
  }

  private static List<Integer> without(List<Integer> all, List<Integer> some) {
    return all.stream().filter(i -> !some.contains(i)).toList();
  }

  private static List<String> names(List<RamBlock> blocks, List<Integer> indexes) {
    return indexes.stream().map(i -> blocks.get(i).name()).toList();
  }

  private static long sum(List<RamBlock> blocks, List<Integer> indexes) {
    return indexes.stream().mapToLong(i -> blocks.get(i).bytes()).sum();
  }

  /** Pads numbers so that node10 comes after node9. */
  static String natural(String name) {
    StringBuilder key = new StringBuilder();
    for (String part : name.split("(?<=\\D)(?=\\d)|(?<=\\d)(?=\\D)", -1)) {
      boolean number = !part.isEmpty() && Character.isDigit(part.charAt(0)) && part.length() < 12;
      key.append(number ? "0".repeat(12 - part.length()) + part : part);
    }
    return key.toString();
  }
}
