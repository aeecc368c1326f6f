package dev.vmstate.diff;

import dev.vmstate.bytes.Progress;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.RamPages;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * What differs between two snapshots.
 *
 * @param machine "A -> B" when the machine types differ, else empty
 * @param onlyInA labels of device sections that only the first has
 * @param onlyInB labels of device sections that only the second has
 * @param devices devices both have whose state differs, in the order of the first
 * @param blocks RAM blocks that only one has, or of another size
 * @param pages for each RAM block with a difference, its pages that differ
 */
public record SnapshotDiff(
    String machine,
    List<String> onlyInA,
    List<String> onlyInB,
    List<DeviceDiff> devices,
    List<BlockDiff> blocks,
    List<PageDiff> pages) {

  public SnapshotDiff {
    onlyInA = List.copyOf(onlyInA);
    onlyInB = List.copyOf(onlyInB);
    devices = List.copyOf(devices);
    blocks = List.copyOf(blocks);
    pages = List.copyOf(pages);
  }

  /**
   * Compares two snapshots: the first is read once in order and once more where the second's pages
   * ask for it, the second once. Holds an index of each and two bits per page.
   */
  public static SnapshotDiff between(EditableSnapshot a, EditableSnapshot b) throws IOException {
    return between(a, b, Progress.NONE);
  }

  /** The same, telling how far the reading is. */
  public static SnapshotDiff between(EditableSnapshot a, EditableSnapshot b, Progress progress)
      throws IOException {
    String machine = a.machine().equals(b.machine()) ? "" : a.machine() + " -> " + b.machine();
    Map<String, DeviceSection> others = byLabel(b.devices());
    List<String> onlyInA = new ArrayList<>();
    List<DeviceDiff> devices = new ArrayList<>();
    for (Map.Entry<String, DeviceSection> device : byLabel(a.devices()).entrySet()) {
      DeviceSection other = others.remove(device.getKey());
      if (other == null) {
        onlyInA.add(device.getKey());
        continue;
      }
      DeviceDiff diff = new DeviceComparison(device.getValue(), other).compare();
      if (!diff.same()) {
        devices.add(diff);
      }
    }
    List<String> onlyInB = List.copyOf(others.keySet());
    return new SnapshotDiff(
        machine, onlyInA, onlyInB, devices, blocks(a, b), pages(a, b, progress));
  }

  /** Whether nothing differs. */
  public boolean same() {
    return machine.isEmpty()
        && onlyInA.isEmpty()
        && onlyInB.isEmpty()
        && devices.isEmpty()
        && blocks.isEmpty()
        && pages.isEmpty();
  }

  /** The fields of all devices that differ. */
  public List<FieldChange> fields() {
    return devices.stream().flatMap(device -> device.fields().stream()).toList();
  }

  /** Sections of the same name and instance are told apart by their labels. */
  private static Map<String, DeviceSection> byLabel(List<DeviceSection> devices) {
    Map<String, DeviceSection> byLabel = new LinkedHashMap<>();
    devices.forEach(device -> byLabel.put(device.label(), device));
    return byLabel;
  }

  private static List<BlockDiff> blocks(EditableSnapshot a, EditableSnapshot b) {
    Map<String, RamBlock> others = new LinkedHashMap<>();
    b.blocks().forEach(block -> others.put(block.name(), block));
    List<BlockDiff> differ = new ArrayList<>();
    for (RamBlock block : a.blocks()) {
      RamBlock other = others.remove(block.name());
      if (other == null || other.bytes() != block.bytes()) {
        differ.add(
            new BlockDiff(
                block.name(),
                OptionalLong.of(block.bytes()),
                other == null ? OptionalLong.empty() : OptionalLong.of(other.bytes())));
      }
    }
    others
        .values()
        .forEach(
            block ->
                differ.add(
                    new BlockDiff(
                        block.name(), OptionalLong.empty(), OptionalLong.of(block.bytes()))));
    return differ;
  }

  private static List<PageDiff> pages(EditableSnapshot a, EditableSnapshot b, Progress progress)
      throws IOException {
    a.randomAccess(Progress.NONE);
    a.countedIndex(Progress.NONE);
    RamPages of = a.pages();
    PageComparison comparison = new PageComparison(b.blocks(), of.index(), new PageReader(of));
    b.scan(comparison, progress);
    comparison.finish();
    Map<String, BitSet> byName = new HashMap<>();
    for (int block = 0; block < b.blocks().size(); block++) {
      byName.put(b.blocks().get(block).name(), comparison.differ(block));
    }
    List<PageDiff> differ = new ArrayList<>();
    for (int block = 0; block < a.blocks().size(); block++) {
      RamBlock ram = a.blocks().get(block);
      BitSet pages = byName.getOrDefault(ram.name(), new BitSet());
      if (!pages.isEmpty()) {
        differ.add(new PageDiff(ram, block, pages, map(a)));
      }
    }
    return differ;
  }

  /** Only x86's map is known; elsewhere pages are named by their block alone. */
  private static MemoryMap map(EditableSnapshot snapshot) throws IOException {
    return snapshot.arch().equals("unknown")
        ? new MemoryMap(snapshot.blocks(), List.of(), List.of())
        : snapshot.memoryMap();
  }
}
