package dev.vmstate.convert;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.libvirt.DomainXml;
import dev.vmstate.nic.MacAddress;
import dev.vmstate.nic.Nic;
import dev.vmstate.nic.Nics;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Whether a domain XML describes the machine that was saved, as far as both tell: libvirt starts
 * QEMU by the XML, and QEMU loads the stream only into the same machine.
 *
 * @param running whether the machine ran when it was saved
 * @param warnings what differs
 */
public record DomainMatch(boolean running, List<String> warnings) {
  public DomainMatch {
    warnings = List.copyOf(warnings);
  }

  /** Compares. */
  public static DomainMatch of(StreamSnapshot snapshot, DomainXml domain) throws IOException {
    List<String> warnings = new ArrayList<>();
    Optional<String> machine = domain.machine();
    if (machine.isPresent()
        && !snapshot.machine().isEmpty()
        && !machine.get().equals(snapshot.machine())) {
      warnings.add(
          "the domain XML says machine '%s', the snapshot '%s': QEMU refuses to load it so"
              .formatted(machine.get(), snapshot.machine()));
    }
    List<String> macs = new ArrayList<>();
    for (DomainXml.Interface card : domain.interfaces()) {
      card.mac().ifPresent(mac -> macs.add(mac.text()));
    }
    for (Nic nic : Nics.of(snapshot.devices())) {
      Optional<MacAddress> mac = nic.mac();
      if (mac.isPresent() && macs.stream().noneMatch(mac.get().toString()::equalsIgnoreCase)) {
        warnings.add(
            "%s has the address %s, which no <interface> of the domain XML has"
                .formatted(nic.id(), mac.get()));
      }
    }
    return new DomainMatch(running(snapshot), warnings);
  }

  /** From the globalstate section; a machine that was saved while it ran says "running". */
  private static boolean running(StreamSnapshot snapshot) throws IOException {
    for (DeviceSection device : snapshot.devices()) {
      if (device.name().equals("globalstate")) {
        for (Field field : device.root().children()) {
          if (field.name().equals("runstate")) {
            String state = new String(device.bytes(field), StandardCharsets.ISO_8859_1);
            return state.startsWith("running\0");
          }
        }
      }
    }
    return true;
  }
}
