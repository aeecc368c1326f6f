package dev.vmstate.nic;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldEdit;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * A network card of the machine and every copy of its MAC address that its state holds.
 *
 * @param id the section's label, e.g. {@code 0000:00:03.0/e1000}
 * @param model QEMU's model name
 * @param mac the address, as the copy that counts has it; empty when the state holds none
 * @param section the device
 * @param copies where the address stands, the one that counts first
 * @param limits what a change in the state cannot reach, for reports
 */
public record Nic(
    String id,
    String model,
    Optional<MacAddress> mac,
    DeviceSection section,
    List<Copy> copies,
    List<String> limits) {
  public Nic {
    copies = List.copyOf(copies);
    limits = List.copyOf(limits);
  }

  /** One place that holds the address, in whatever encoding. */
  public interface Copy {
    /** What this place is, e.g. {@code eeprom_data[0..2] and its checksum}. */
    String what();

    /** The edits that put {@code mac} there. */
    List<FieldEdit> set(MacAddress mac, String origin) throws IOException;
  }
}
