package dev.vmstate.kvmstate;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * {@code state.json} of a snapshot directory: the saved state as device sections, one for each vCPU
 * ({@code vcpu}) and each device, over the bytes that the text's hexadecimal digits stand for.
 *
 * <pre>
 * {"id": "vmstate-kvm", "version": 1, "snapshots": {
 *    "memory-manager": {"memory_ranges": [{"name": "ram", "gpa": "0x…", "length": "0x…"}]},
 *    "cpu-manager": {"0": {"regs": {"rax": "0x…", …}, …}},
 *    "device-manager": {"serial": {…}, …}}}
 * </pre>
 *
 * <p>The three parts, and {@code config.json} and {@code memory-ranges} beside it, are named as
 * Cloud Hypervisor's (vmm/src/migration/mod.rs). Members this code does not know are passed over
 * where they are no hexadecimal text, and shown as fields where they are.
 */
public final class StateDocument {
  /** What {@code id} says. */
  public static final String ID = "vmstate-kvm";

  /** The version this code writes. */
  public static final long VERSION = 1;

  /** The longest text that is read. */
  public static final int MOST_TEXT = 64 << 20;

  /** Name of a vCPU's section. */
  public static final String VCPU = "vcpu";

  private static final int PAGE = 4096;
  private static final int MOST_RANGES = 4096;
  private static final long MOST_RAM = 1L << 46;

  /** A range of guest-physical memory; its bytes follow those of the ranges before it. */
  public record Range(String name, long gpa, long length) {}

  private final HexTree tree;
  private final List<DeviceSection> sections;
  private final List<Range> ranges;

  private StateDocument(HexTree tree, List<DeviceSection> sections, List<Range> ranges) {
    this.tree = tree;
    this.sections = List.copyOf(sections);
    this.ranges = List.copyOf(ranges);
  }

  /**
   * Reads a text.
   *
   * @param name the file's, for errors
   * @param text which the caller no longer changes
   * @throws FormatException when it is no such text
   */
  public static StateDocument parse(String name, byte[] text) throws IOException {
    HexTree tree = HexTree.parse(name, text);
    HexTree.Node root = tree.root();
    if (!root.words("id").equals(ID)) {
      throw new FormatException(
          name, 0, "\"id\": \"%s\" was expected, as 'vmstate run' writes it".formatted(ID));
    }
    if (root.integer("version") != VERSION) {
      throw new UnsupportedFormatException(
          name, 0, "version %d, this code reads %d".formatted(root.integer("version"), VERSION));
    }
    HexTree.Node parts = root.child("snapshots");
    List<DeviceSection> sections = new ArrayList<>();
    for (Map.Entry<String, HexTree.Node> cpu : parts.child("cpu-manager").members().entrySet()) {
      if (!cpu.getKey().matches("0|[1-9]\\d{0,3}")) {
        throw tree.bad(cpu.getValue(), "\"%s\" is no vCPU's number".formatted(cpu.getKey()));
      }
      sections.add(section(tree, VCPU, Long.parseLong(cpu.getKey()), cpu.getValue()));
    }
    for (Map.Entry<String, HexTree.Node> d : parts.child("device-manager").members().entrySet()) {
      if (d.getKey().equals(VCPU) || d.getKey().isEmpty()) {
        throw tree.bad(d.getValue(), "no device can be called \"%s\"".formatted(d.getKey()));
      }
      sections.add(section(tree, d.getKey(), 0, d.getValue()));
    }
    return new StateDocument(tree, sections, ranges(tree, parts.child("memory-manager")));
  }

  private static DeviceSection section(HexTree tree, String name, long instance, HexTree.Node node)
      throws FormatException {
    if (!(node.field() instanceof Field.Group group)) {
      throw tree.bad(node, "an object was expected");
    }
    Field.Group root =
        new Field.Group(
            name,
            -1,
            Field.GroupKind.SECTION,
            name,
            VERSION,
            group.span(),
            group.span(),
            group.children());
    return new DeviceSection(
        name,
        instance,
        VERSION,
        group.span(),
        group.span(),
        DeviceSection.Decoded.MODEL,
        "",
        root,
        tree.bytes());
  }

  private static List<Range> ranges(HexTree tree, HexTree.Node manager) throws IOException {
    List<Range> ranges = new ArrayList<>();
    long total = 0;
    for (HexTree.Node range : manager.child("memory_ranges").elements()) {
      long gpa = range.number("gpa");
      long length = range.number("length");
      if (length <= 0
          || gpa < 0
          || gpa > Long.MAX_VALUE - length
          || ((gpa | length) & (PAGE - 1)) != 0) {
        throw tree.bad(range, "0x%x+0x%x is no range of whole pages".formatted(gpa, length));
      }
      for (Range other : ranges) {
        if (gpa < other.gpa() + other.length() && other.gpa() < gpa + length) {
          throw tree.bad(range, "the range at 0x%x overlaps another".formatted(gpa));
        }
      }
      total += length;
      if (ranges.size() == MOST_RANGES || total > MOST_RAM) {
        throw tree.bad(range, "more memory than any machine has");
      }
      ranges.add(new Range(range.words("name"), gpa, length));
    }
    return ranges;
  }

  /** One section for each vCPU, then one for each device. */
  public List<DeviceSection> sections() {
    return sections;
  }

  /** Memory, in the order in which {@code memory-ranges} has it. */
  public List<Range> ranges() {
    return ranges;
  }

  /** Memory as blocks and where they stand. */
  public MemoryMap memoryMap() {
    List<RamBlock> blocks = new ArrayList<>();
    List<MemoryMap.Range> mapped = new ArrayList<>();
    for (Range range : ranges) {
      mapped.add(new MemoryMap.Range(range.gpa(), range.length(), blocks.size(), 0));
      blocks.add(new RamBlock(range.name(), range.length(), PAGE));
    }
    mapped.sort(Comparator.comparingLong(MemoryMap.Range::start));
    return new MemoryMap(blocks, mapped, List.of());
  }

  /** The bytes that the digits stand for; the spans of the sections count in them. */
  public ByteSource bytes() {
    return tree.bytes();
  }

  /** The replaced digits of a change in {@link #bytes}, by their places in the text. */
  public List<Patch> inText(Patch patch) {
    return tree.inText(patch);
  }
}
