package dev.vmstate.device;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * A PCI function's configuration space as a device section holds it: 256 bytes, or 4096 for PCI
 * Express ({@code hw/pci/pci.c}, vmstate_pci_device). Little-endian, unlike everything around it.
 */
public final class PciConfig {
  /** Bytes of a PCI function's configuration space. */
  private static final int CONVENTIONAL = 256;

  /** Bytes of a PCI Express function's. */
  private static final int EXPRESS = 4096;

  /** vmstate_pci_device's version_id; its first field holds it once more. */
  private static final int VERSION = 2;

  /** What vmdesc calls the type of a configuration space. */
  private static final String TYPE = "pci config";

  private static final int COMMAND = 0x04;
  private static final int COMMAND_MEMORY = 0x02;
  private static final int STATUS = 0x06;
  private static final int STATUS_CAPABILITIES = 0x10;
  private static final int CAPABILITY_LIST = 0x34;
  private static final int BAR_0 = 0x10;
  private static final int EXPANSION_ROM = 0x30;
  private static final int PCI_EXPRESS = 0x10;

  private final Span span;
  private final ByteBuffer bytes;

  private PciConfig(Span span, byte[] bytes) {
    this.span = span;
    this.bytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * The first configuration space in a section: a field of type {@code pci config}, or, in virtio's
   * own encoding, which vmdesc leaves opaque, the bytes behind its version word.
   */
  public static Optional<PciConfig> of(DeviceSection section) throws IOException {
    Optional<Field> config = find(section.root());
    if (config.isPresent()) {
      return Optional.of(new PciConfig(config.get().span(), section.bytes(config.get())));
    }
    for (Field child : section.root().children()) {
      if (child instanceof Field.Raw raw && raw.type().equals("virtio")) {
        return inVirtio(section, raw.span());
      }
    }
    return Optional.empty();
  }

  private static Optional<Field> find(Field.Group group) {
    for (Field child : group.children()) {
      if (isConfig(child)
          && (child.span().length() == CONVENTIONAL || child.span().length() == EXPRESS)) {
        return Optional.of(child);
      }
      if (child instanceof Field.Group nested) {
        Optional<Field> found = find(nested);
        if (found.isPresent()) {
          return found;
        }
      }
    }
    return Optional.empty();
  }

  /** As vmdesc has it, or as a layout has taken it apart. */
  private static boolean isConfig(Field field) {
    if (field instanceof Field.Raw raw) {
      return raw.type().equals(TYPE);
    }
    return field instanceof Field.Group group && group.refined() && group.vmsd().equals(TYPE);
  }

  private static Optional<PciConfig> inVirtio(DeviceSection section, Span payload)
      throws IOException {
    if (!section.name().matches("[0-9a-f]{4}:.*")) {
      return Optional.empty();
    }
    Optional<Span> config = atFront(section.source(), payload);
    return config.isPresent()
        ? Optional.of(new PciConfig(config.get(), section.source().bytes(config.get())))
        : Optional.empty();
  }

  /**
   * Where the configuration space stands in a payload that begins with a PCI device's state: {@code
   * u32 version (2), config, u32 irq_state[4]}. Express or not is told by the capability list, and
   * the four interrupt words behind it must be 0 or 1.
   */
  static Optional<Span> atFront(ByteSource source, Span payload) throws IOException {
    if (payload.length() < 4 + CONVENTIONAL + 16
        || source.read(payload.at(0, 4)).getInt() != VERSION) {
      return Optional.empty();
    }
    Span span = payload.at(4, CONVENTIONAL);
    PciConfig config = new PciConfig(span, source.bytes(span));
    if (config.capability(PCI_EXPRESS) > 0 && payload.length() >= 4 + EXPRESS + 16) {
      span = payload.at(4, EXPRESS);
    }
    ByteBuffer irq = source.read(payload.at(4 + span.length(), 16));
    while (irq.hasRemaining()) {
      if (irq.getInt() >>> 1 != 0) {
        return Optional.empty();
      }
    }
    return Optional.of(span);
  }

  /** Where the configuration space stands in the stream. */
  public Span span() {
    return span;
  }

  /** Number of bytes: 256 or 4096. */
  public int size() {
    return bytes.capacity();
  }

  /** Byte at {@code at}. */
  public int u8(int at) {
    return bytes.get(at) & 0xff;
  }

  /** Little-endian word at {@code at}. */
  public int u16(int at) {
    return bytes.getShort(at) & 0xffff;
  }

  /** Little-endian double word at {@code at}. */
  public long u32(int at) {
    return bytes.getInt(at) & 0xffff_ffffL;
  }

  /** Whether the function answers memory accesses. */
  public boolean memoryEnabled() {
    return (u16(COMMAND) & COMMAND_MEMORY) != 0;
  }

  /** The address of memory BAR {@code i}, or -1 for an I/O BAR. */
  public long memoryBar(int i) {
    long low = u32(BAR_0 + 4 * i);
    if ((low & 1) != 0) {
      return -1;
    }
    boolean wide = (low & 6) == 4 && i < 5;
    return (wide ? u32(BAR_0 + 4 * i + 4) << 32 : 0) | low & ~0xfL;
  }

  /** The address of the expansion ROM, or -1 when it is not enabled. */
  public long expansionRom() {
    long rom = u32(EXPANSION_ROM);
    return (rom & 1) == 0 ? -1 : rom & ~0x7ffL;
  }

  /** Where the capability with that id starts, or -1. */
  public int capability(int id) {
    if ((u16(STATUS) & STATUS_CAPABILITIES) == 0) {
      return -1;
    }
    int at = u8(CAPABILITY_LIST) & ~3;
    for (int hops = 0; at >= 0x40 && at <= 0xfc && hops < 48; hops++) {
      if (u8(at) == id) {
        return at;
      }
      at = u8(at + 1) & ~3;
    }
    return -1;
  }

  /** Where the PCI Express extended capability with that id starts, or -1. */
  public int extendedCapability(int id) {
    int at = size() > 256 ? 0x100 : 0;
    for (int hops = 0; at >= 0x100 && at <= 0xffc && hops < 960; hops++) {
      long header = u32(at);
      if ((header & 0xffff) == id && header != 0) {
        return at;
      }
      at = (int) (header >>> 20) & ~3;
    }
    return -1;
  }
}
