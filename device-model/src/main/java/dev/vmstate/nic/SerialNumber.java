package dev.vmstate.nic;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.PciConfig;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The PCI Express Device Serial Number capability that some cards have: eight bytes behind the
 * capability's header, made of the {@code mac=} of QEMU's command line when QEMU starts. QEMU
 * compares it while loading ("Bad config data"), so it changes with the command line or not at all.
 */
final class SerialNumber {
  /** {@code fe m3 m4 m5 m0 m1 m2 ff}: {@code hw/net/vmxnet3.c}, vmxnet3_device_serial_num. */
  static final SerialNumber VMXNET3 = new SerialNumber(4, 5, 6, 1, 2, 3);

  /** {@code m5 m4 m3 ff ff m2 m1 m0}: {@code hw/net/e1000e.c}, e1000e_gen_dsn, and igb.c alike. */
  static final SerialNumber INTEL = new SerialNumber(7, 6, 5, 2, 1, 0);

  private static final int DEVICE_SERIAL_NUMBER = 0x03;

  /** The one that {@code nics.table} calls so. */
  static SerialNumber of(String id) {
    return switch (id) {
      case "vmxnet3" -> VMXNET3;
      case "intel" -> INTEL;
      default -> throw new IllegalArgumentException("no serial number '" + id + "'");
    };
  }

  /** The copy of a card that keeps its address nowhere else, with what has to be done besides. */
  static Copies.Found needed(Copies.Found serial) {
    Nic.Copy copy =
        Copies.copy(
            serial.copy().what(),
            (address, origin) -> {
              FieldEdit edit = serial.copy().set(address, origin).get(0);
              return List.of(
                  edit.withNote(
                      "load it with mac=%s on QEMU's command line: QEMU compares the two and"
                              .formatted(address)
                          + " refuses any other"));
            });
    return new Copies.Found(copy, serial.now());
  }

  /** Places of m0 to m5 in the eight bytes. */
  private final int[] places;

  private SerialNumber(int... places) {
    this.places = places;
  }

  /** The capability of a card, if it has it; as a conventional PCI function it has not. */
  Optional<Copies.Found> find(DeviceSection device) throws IOException {
    Optional<PciConfig> config = PciConfig.of(device);
    int capability = config.map(c -> c.extendedCapability(DEVICE_SERIAL_NUMBER)).orElse(-1);
    if (capability < 0 || capability + 12 > config.get().size()) {
      return Optional.empty();
    }
    Span span = config.get().span().at(capability + 4L, 8);
    byte[] now = device.source().bytes(span);
    byte[] mac = new byte[6];
    for (int i = 0; i < 6; i++) {
      mac[i] = now[places[i]];
    }
    String path = device.label() + "/pci config, device serial number";
    Nic.Copy copy =
        Copies.copy(
            path,
            (address, origin) -> {
              byte[] after = now.clone();
              for (int i = 0; i < 6; i++) {
                after[places[i]] = (byte) address.at(i);
              }
              return List.of(FieldEdit.of(path, span, now, after, origin));
            });
    return Optional.of(new Copies.Found(copy, MacAddress.of(mac)));
  }
}
