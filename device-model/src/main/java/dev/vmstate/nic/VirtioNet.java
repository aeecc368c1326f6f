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
 * device  ::= mac[6], …   (virtio-net)
 * </pre>
 *
 * <p>Source: {@code hw/virtio/virtio.c}, virtio_save; {@code virtio-pci.c}; {@code
 * hw/net/virtio-net.c}. The device's own {@code mac} counts; {@code config} is a cache that stays
 * zero until the guest reads it, and is changed only when it holds the address.
 */
final class VirtioNet {
  private static final int MSIX = 0x11;
  private static final int MAX_CONFIG = 4096;
  private static final int MAX_QUEUES = 1024;

  private VirtioNet() {}

  static List<Optional<Copies.Found>> copies(DeviceSection device) throws IOException {
    if (device.root().children().isEmpty()
        || !(device.root().children().get(0) instanceof Field.Raw payload)) {
      return List.of();
    }
    try {
      return copies(device, payload.span());
    } catch (FormatException e) {
      return List.of(); // not the layout above: a NIC without a known address
    }
  }

  private static List<Optional<Copies.Found>> copies(DeviceSection device, Span payload)
      throws IOException {
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
    List<Optional<Copies.Found>> found = new ArrayList<>();
    Copies.Found own = Copies.plain(device, mac, device.label() + "/virtio: mac");
    found.add(Optional.of(own));
    if (config.length() >= 6) {
      Copies.Found cached =
          Copies.plain(device, config.at(0, 6), device.label() + "/virtio: config[0..5]");
      if (cached.now().equals(own.now())) {
        found.add(Optional.of(cached));
      }
    }
    return found;
  }

  private static long checked(Cursor in, long value, int most) throws FormatException {
    if (value > most) {
      throw in.bad(value + " is more than " + most);
    }
    return value;
  }
}
