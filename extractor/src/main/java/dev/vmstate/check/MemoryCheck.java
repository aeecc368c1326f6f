package dev.vmstate.check;

import dev.vmstate.memory.RamBlock;
import dev.vmstate.snapshot.StreamSnapshot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * RAM blocks by name and size. Of a block that the stream has and the machine has not, or of
 * another size, QEMU says so and gives up ({@code migration/ram.c}, ram_load_setup and
 * parse_ramblock); only firmware's tables may have another size, their blocks grow and shrink
 * ({@code hw/core/loader.c}, rom_set_mr). A block that only the machine has stays as it is.
 */
final class MemoryCheck {
  private static final String SECTION = "ram";

  /** Blocks of fw_cfg's files, e.g. {@code /rom@etc/acpi/tables}. */
  private static final String RESIZEABLE = "rom@";

  private MemoryCheck() {}

  static void of(StreamSnapshot snapshot, Destination to, List<Finding> findings) {
    Map<String, RamBlock> own = new HashMap<>();
    to.fresh().blocks().forEach(block -> own.put(block.name(), block));
    List<RamBlock> strange = new ArrayList<>();
    for (RamBlock block : snapshot.blocks()) {
      RamBlock same = own.remove(block.name());
      if (same == null) {
        strange.add(block);
      } else if (same.bytes() != block.bytes()) {
        findings.add(otherSize(block, same));
      }
    }
    for (RamBlock block : strange) {
      findings.add(unknown(block, own, to));
    }
    for (RamBlock block : own.values()) {
      findings.add(
          Finding.warning(
              SECTION,
              block.name(),
              "only the destination has this block (%s): it keeps its contents"
                  .formatted(bytes(block.bytes()))));
    }
  }

  private static Finding otherSize(RamBlock saved, RamBlock own) {
    if (saved.name().contains(RESIZEABLE)) {
      return Finding.info(
          SECTION,
          saved.name(),
          "%s, the destination's has %s: QEMU resizes it"
              .formatted(bytes(saved.bytes()), bytes(own.bytes())));
    }
    String hint =
        saved.name().equals("pc.ram")
            ? ": start QEMU with -m %dM".formatted(saved.bytes() >> 20)
            : saved.name().endsWith(".rom")
                ? ": give the device the romfile= or romsize= it had"
                : "";
    Finding finding =
        Finding.error(
            SECTION,
            saved.name(),
            "%s, the destination's has %s%s"
                .formatted(bytes(saved.bytes()), bytes(own.bytes()), hint));
    return mainMemory(saved.name()) ? finding : dropped(finding, saved);
  }

  private static Finding dropped(Finding finding, RamBlock block) {
    return finding
        .fixedBy("drop-block", block.name())
        .at("the destination's own contents stay, if it has such a block");
  }

  private static boolean mainMemory(String name) {
    return kind(name).isEmpty() && !name.contains("bios") && !name.contains("rom");
  }

  private static Finding unknown(RamBlock block, Map<String, RamBlock> own, Destination to) {
    String device = block.name().replaceFirst("/?[^/]*$", "");
    if (!to.whole() && ofDevice(block.name())) {
      return Finding.info(
          SECTION,
          block.name(),
          "the machine needs a device that has this block of %s (%s)"
              .formatted(bytes(block.bytes()), device));
    }
    Finding finding =
        Finding.error(
            SECTION,
            block.name(),
            "the destination has no such block of %s".formatted(bytes(block.bytes())));
    List<String> alike =
        own.values().stream()
            .filter(other -> other.bytes() == block.bytes())
            .filter(other -> kind(other.name()).equals(kind(block.name())))
            .map(RamBlock::name)
            .toList();
    if (alike.size() == 1) {
      return finding.fixedBy("rename-block", block.name(), alike.get(0));
    }
    return mainMemory(block.name()) ? finding : dropped(finding, block);
  }

  /** Whether a block is a card's own, or firmware's, by the path in its name. */
  private static boolean ofDevice(String name) {
    return name.matches("[0-9a-f]{4}:.*|.*/.*") && !name.startsWith("/objects/");
  }

  /**
   * What a block is for: the part behind the device's name; main memory, whatever it is called, has
   * none.
   */
  private static String kind(String name) {
    int at = Math.max(name.lastIndexOf('/'), name.lastIndexOf('.'));
    return ofDevice(name) ? name.substring(at + 1) : "";
  }

  private static String bytes(long bytes) {
    return bytes >= 1 << 20 && bytes % (1 << 20) == 0
        ? "%d MiB".formatted(bytes >> 20)
        : bytes % 1024 == 0 ? "%d KiB".formatted(bytes >> 10) : bytes + " bytes";
  }
}
