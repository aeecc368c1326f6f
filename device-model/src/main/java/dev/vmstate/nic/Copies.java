package dev.vmstate.nic;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Places that hold a MAC address: what they hold now, and how they are changed. */
final class Copies {
  private Copies() {}

  /** A copy together with the address it holds now. */
  record Found(Nic.Copy copy, MacAddress now) {}

  /** Six bytes at a place no schema names. */
  static Found plain(DeviceSection device, Span span, String path) throws IOException {
    byte[] now = device.source().bytes(span);
    return new Found(
        copy(path, (mac, origin) -> List.of(FieldEdit.of(path, span, now, mac.bytes(), origin))),
        MacAddress.of(now));
  }

  /** The field at a path below the device, if this QEMU version has it. */
  static Optional<FieldPath> find(DeviceSection device, String path) {
    try {
      return Optional.of(FieldPath.in(device, path));
    } catch (FieldPath.NotFoundException e) {
      return Optional.empty();
    }
  }

  /** How a copy is changed. */
  interface Setter {
    List<FieldEdit> set(MacAddress mac, String origin) throws IOException;
  }

  static Nic.Copy copy(String what, Setter setter) {
    return new Nic.Copy() {
      @Override
      public String what() {
        return what;
      }

      @Override
      public List<FieldEdit> set(MacAddress mac, String origin) throws IOException {
        return setter.set(mac, origin);
      }
    };
  }
}
