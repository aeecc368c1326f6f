package dev.vmstate.nic;

import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.PciConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Finds the two addresses in virtio-net's payload, which vmdesc leaves opaque.
 *
 * <pre>
 * virtio  ::= transport, u8 status, u8 isr, u16 queue_sel, u32 features,
 *             u32 config_len, config, u32 queues, queue × queues, device
 * PCI     ::= u32 version, config space (256 or 4096), u32 irq_state[4],
 *             [MSI-X table, PBA, u16 config_vector]
 * MMIO    ::= u32 host_features_sel, u32 guest_features_sel, u32 guest_page_shift
 * queue   ::= u32 num, [u32 align if MMIO], u64 desc, u16 last_avail_idx, [u16 vector if MSI-X]
 * device  ::= mac[6], u32 tx_waiting, u32 mergeable_rx_bufs, u16 status, u8 promisc, u8 allmulti,
 *             u32 in_use, mac[6] × in_use, …   (virtio-net)
 * </pre>
 *
 * <p>Source: {@code hw/virtio/virtio.c}, virtio_save; {@code virtio-pci.c}; {@code
 * hw/net/virtio-net.c}. The device's own {@code mac} counts; {@code config} is a cache that stays
 * zero until the guest reads it, and the MAC table is what the guest asks for beside its own; both
 * are changed only where they hold the address. What announces the guest after a migration (status
 * bit 1, a timer that QEMU starts itself) holds none.
 */
final class VirtioNet {
  /** The section's name, below the device's path. */
  static final String SECTION = "virtio-net";

  private static final int MSIX = 0x11;
  private static final int MAX_CONFIG = 4096;
  private static final int MAX_QUEUES = 1024;

  /** {@code MAC_TABLE_ENTRIES}. */
  private static final int MAX_MACS = 64;

  /** tx_waiting, mergeable_rx_bufs, status, promisc, allmulti: between mac and the MAC table. */
  private static final int BEFORE_TABLE = 4 + 4 + 2 + 1 + 1;

  private VirtioNet() {}

  static List<Copies.Found> copies(DeviceSection device) throws IOException {
    if (device.root().children().isEmpty()) {
      return List.of();
    }
    Field payload = device.root().children().get(0);
    try {
      return copies(device, payload.span());
    } catch (FormatException e) {
      return List.of(); // not the layout above: a NIC without a known address
    }
  }

  private static List<Copies.Found> copies(DeviceSection device, Span payload) throws IOException {
    Cursor in = new Cursor(device.source(), device.source().name(), payload);
    boolean mmio = device.name().startsWith("virtio-mmio");
    boolean vectors = false;
    if (mmio) {
      in.skip(12, "MMIO transport");
    } else {
      Optional<PciConfig> config = PciConfig.of(device);
      if (config.isEmpty()) {
        return List.of();
      }
      in.skip(4 + config.get().span().length() + 16, "PCI device");
      int msix = config.get().capability(MSIX);
      if (msix > 0) {
        vectors = true;
        int entries = (config.get().u16(msix + 2) & 0x7ff) + 1;
        in.skip(16L * entries + (entries + 7) / 8 + 2, "MSI-X");
      }
    }
    in.skip(1 + 1 + 2 + 4, "virtio status and features");
    Span config = in.skip(checked(in, in.u32("config length"), MAX_CONFIG), "config");
    long queues = checked(in, in.u32("number of queues"), MAX_QUEUES);
    in.skip(queues * (4 + (mmio ? 4 : 0) + 8 + 2 + (vectors ? 2 : 0)), "queues");
    Span mac = in.skip(6, "mac");
    List<Copies.Found> found = new ArrayList<>();
    Copies.Found own = Copies.plain(device, mac, device.label() + "/virtio: mac");
    found.add(own);
    if (config.length() >= 6) {
      addIfSame(device, config.at(0, 6), "config[0..5]", found);
    }
    if (in.remaining() >= BEFORE_TABLE + 4) {
      in.skip(BEFORE_TABLE, "status");
      long entries = in.u32("MAC table");
      for (int i = 0; i < Math.min(entries, MAX_MACS) && in.remaining() >= 6; i++) {
        addIfSame(device, in.skip(6, "MAC table"), "mac_table.macs[%d]".formatted(i), found);
      }
    }
    return found;
  }

  private static void addIfSame(
      DeviceSection device, Span span, String name, List<Copies.Found> found) throws IOException {
    Copies.Found copy = Copies.plain(device, span, device.label() + "/virtio: " + name);
    if (copy.now().equals(found.get(0).now())) {
      found.add(copy);
    }
  }

  private static long checked(Cursor in, long value, int most) throws FormatException {
    if (value > most) {
      throw in.bad(value + " is more than " + most);
    }
    return value;
  }
}
