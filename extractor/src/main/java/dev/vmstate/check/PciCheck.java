package dev.vmstate.check;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.PciConfig;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * What of a PCI function's configuration space QEMU compares with its own ({@code hw/pci/pci.c},
 * get_pci_config_device: the bits of cmask that are in neither wmask nor w1cmask): who it is, where
 * its capabilities stand, and the low bits of its BARs, which tell their size.
 */
final class PciCheck {
  private static final int BAR_0 = 0x10;
  private static final int CAPABILITY_LIST = 0x34;
  private static final int MSIX = 0x11;
  private static final int VENDOR = 0x09;

  /** A virtio capability whose fields the driver writes (VIRTIO_PCI_CAP_PCI_CFG). */
  private static final int VIRTIO_WRITABLE = 5;

  private static final int VIRTIO_VENDOR = 0x1af4;

  private final DeviceSection section;
  private final PciConfig saved;
  private final PciConfig own;
  private final List<Finding> findings;

  private PciCheck(DeviceSection section, PciConfig saved, PciConfig own, List<Finding> findings) {
    this.section = section;
    this.saved = saved;
    this.own = own;
    this.findings = findings;
  }

  static void of(
      DeviceSection section, DeviceSection ownSection, Destination to, List<Finding> findings)
      throws IOException {
    Optional<PciConfig> saved = PciConfig.of(section);
    Optional<PciConfig> own = PciConfig.of(ownSection);
    if (saved.isEmpty() || own.isEmpty()) {
      return;
    }
    PciCheck check = new PciCheck(section, saved.get(), own.get(), findings);
    if (saved.get().size() != own.get().size()) {
      check.error(
          "config",
          "%d bytes of configuration space, the destination's has %d (conventional PCI or Express)"
              .formatted(saved.get().size(), own.get().size()));
      return;
    }
    check.identity();
    check.capabilities();
    String address = section.name().replaceFirst("/.*", "");
    for (Destination.Bar bar : to.bars().getOrDefault(address, List.of())) {
      check.bar(bar);
    }
  }

  private void error(String field, String reason) {
    findings.add(Finding.error(section.label(), field, reason));
  }

  private void identity() {
    same("vendor and device id", 0x00, 4, true);
    same("revision", 0x08, 1, false);
    same("class", 0x09, 3, false);
    same("header type", 0x0e, 1, false);
  }

  private void same(String what, int at, int bytes, boolean wholeDevice) {
    String a = hex(saved, at, bytes);
    String b = hex(own, at, bytes);
    if (!a.equals(b)) {
      error(
          "config+0x%x".formatted(at),
          "%s 0x%s, the destination's is 0x%s%s"
              .formatted(what, a, b, wholeDevice ? ": another device stands there" : ""));
    }
  }

  private static String hex(PciConfig config, int at, int bytes) {
    StringBuilder text = new StringBuilder();
    for (int i = bytes; i-- > 0; ) {
      text.append("%02x".formatted(config.u8(at + i)));
    }
    return text.toString();
  }

  /** Read-only bytes of each capability that the destination's function has. */
  private void capabilities() {
    int from = CAPABILITY_LIST;
    int at = own.u8(CAPABILITY_LIST) & ~3;
    if ((own.u16(6) & 0x10) != (saved.u16(6) & 0x10)) {
      error("config+0x6", "one of the two has PCI capabilities, the other has not");
      return;
    }
    for (int hops = 0; hops < 48; hops++) {
      if ((saved.u8(from) & ~3) != at) {
        error(
            "config+0x%x".formatted(from),
            "the next capability stands at 0x%x, the destination's at 0x%x"
                .formatted(saved.u8(from) & ~3, at));
        return;
      }
      if (at < 0x40 || at > 0xf8) {
        return;
      }
      if (saved.u8(at) != own.u8(at)) {
        error(
            "config+0x%x".formatted(at),
            "capability 0x%02x, the destination's is 0x%02x".formatted(saved.u8(at), own.u8(at)));
        return;
      }
      contents(at);
      from = at + 1;
      at = own.u8(at + 1) & ~3;
    }
  }

  private void contents(int at) {
    if (own.u8(at) == MSIX && at + 12 <= 256) {
      if ((saved.u16(at + 2) & 0x7ff) != (own.u16(at + 2) & 0x7ff)) {
        error(
            "config+0x%x".formatted(at + 2),
            "%d MSI-X vectors, the destination's function has %d"
                .formatted((saved.u16(at + 2) & 0x7ff) + 1, (own.u16(at + 2) & 0x7ff) + 1));
      }
      same("MSI-X table", at + 4, 4, false);
      same("MSI-X pending bits", at + 8, 4, false);
    } else if (own.u8(at) == VENDOR
        && own.u16(0) == VIRTIO_VENDOR
        && at + 16 <= 256
        && own.u8(at + 3) != VIRTIO_WRITABLE) {
      same("virtio capability", at + 2, 14, false);
    }
  }

  private void bar(Destination.Bar bar) {
    int at = BAR_0 + 4 * bar.index();
    long value = saved.u32(at);
    long ownValue = own.u32(at);
    long type = (ownValue & 1) != 0 ? 3 : 0xf;
    long fixed = Math.min(bar.size(), 1L << 32) - 1 & 0xffff_ffffL;
    long saidBySize = value & fixed & ~type;
    if ((value & type) != (ownValue & type)) {
      error(
          "config+0x%x".formatted(at),
          "BAR %d is of another type: 0x%x, the destination's is 0x%x"
              .formatted(bar.index(), value & type, ownValue & type));
    } else if (saidBySize != 0) {
      error(
          "config+0x%x".formatted(at),
          "BAR %d is at 0x%x, which the destination's size of 0x%x does not allow"
              .formatted(bar.index(), value & ~type, bar.size()));
    }
  }
}
