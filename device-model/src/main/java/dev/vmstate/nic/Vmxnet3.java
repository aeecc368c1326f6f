package dev.vmstate.nic;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.PciConfig;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * vmxnet3 ({@code hw/net/vmxnet3.c}) does not migrate its address: it stays the command line's. Its
 * PCI Express Device Serial Number capability is made from it at start, as the bytes {@code fe m3
 * m4 m5 m0 m1 m2 ff} behind the capability's header.
 */
final class Vmxnet3 {
  private static final int DEVICE_SERIAL_NUMBER = 0x03;

  /** Place of m0 to m5 in the eight bytes of the serial number. */
  private static final int[] PLACE = {4, 5, 6, 1, 2, 3};

  private Vmxnet3() {}

  static List<Optional<Copies.Found>> copies(DeviceSection device) throws IOException {
    Optional<PciConfig> config = PciConfig.of(device);
    int capability = config.map(c -> c.extendedCapability(DEVICE_SERIAL_NUMBER)).orElse(-1);
    if (capability < 0 || capability + 12 > config.get().size()) {
      return List.of();
    }
    Span span = config.get().span().at(capability + 4L, 8);
    byte[] now = device.source().bytes(span);
    byte[] mac = new byte[6];
    for (int i = 0; i < 6; i++) {
      mac[i] = now[PLACE[i]];
    }
    String path = device.label() + "/pci config, device serial number";
    Nic.Copy copy =
        Copies.copy(
            path,
            (address, origin) -> {
              byte[] after = now.clone();
              for (int i = 0; i < 6; i++) {
                after[PLACE[i]] = (byte) address.at(i);
              }
              return List.of(
                  FieldEdit.of(path, span, now, after, origin)
                      .withNote(
                          "load it with mac=%s on QEMU's command line: QEMU compares the two and"
                                  .formatted(address)
                              + " refuses any other"));
            });
    return List.of(Optional.of(new Copies.Found(copy, MacAddress.of(mac))));
  }
}
