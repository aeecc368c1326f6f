package dev.vmstate.nic;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldEdit;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * vmxnet3 ({@code hw/net/vmxnet3.c}) does not migrate its address: it stays the command line's, and
 * stands in the serial number that is made of it.
 */
final class Vmxnet3 {
  private Vmxnet3() {}

  static List<Optional<Copies.Found>> copies(DeviceSection device) throws IOException {
    Optional<Copies.Found> serial = SerialNumber.VMXNET3.find(device);
    return serial.isEmpty() ? List.of() : List.of(Optional.of(withNote(serial.get())));
  }

  private static Copies.Found withNote(Copies.Found serial) {
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
}
