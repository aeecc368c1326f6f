package dev.vmstate.nic;

import dev.vmstate.device.DeviceSection;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Finds the network cards among a machine's devices, by the name of their section. */
public final class Nics {
  private static final String GUEST =
      "the guest kernel's copy (net_device) in RAM: its driver goes on using the old address until"
          + " it is reloaded";
  private static final String COMMAND_LINE =
      "the mac= of the QEMU command line: it does not matter to this device, whose state wins";

  /** virtio_net_reset copies nic_conf.macaddr, which is the command line's, over the state's. */
  private static final String RESET_RESTORES =
      "the mac= of the QEMU command line: a reset of the device (a driver reload) restores that one,"
          + " so give it the new address too";

  /**
   * e1000e and igb have a PCI Express serial number made of the command line's address, and QEMU
   * compares it while loading ("Bad config data"): it must stay what the command line says.
   */
  private static final String SERIAL_NUMBER =
      "the PCI Express serial number: QEMU makes it of the command line's mac= and compares it while"
          + " loading, so leave mac= as it was";

  /** vmxnet3 does not migrate its address; its serial number is compared like the others'. */
  private static final String ONLY_COMMAND_LINE =
      "the address the device uses, which is the mac= of the QEMU command line";

  private static final Set<String> OF_THE_COMMAND_LINE =
      Set.of(COMMAND_LINE, RESET_RESTORES, SERIAL_NUMBER, ONLY_COMMAND_LINE);

  private Nics() {}

  /** All network cards, in stream order. */
  public static List<Nic> of(List<DeviceSection> devices) throws IOException {
    List<Nic> nics = new ArrayList<>();
    for (DeviceSection device : devices) {
      Optional<Nic> nic = of(device);
      nic.ifPresent(nics::add);
    }
    return nics;
  }

  /**
   * The NIC a person means: by id, by a part of it, or by its address.
   *
   * @throws IOException when none or several fit; the message lists them
   */
  public static Nic find(List<Nic> nics, String wanted) throws IOException {
    List<Nic> found = nics.stream().filter(nic -> nic.id().equals(wanted)).toList();
    if (found.isEmpty()) {
      found = nics.stream().filter(nic -> fits(nic, wanted)).toList();
    }
    if (found.size() != 1) {
      throw new IOException(
          "%s NIC '%s': the snapshot has %s"
              .formatted(
                  found.isEmpty() ? "no" : "more than one",
                  wanted,
                  nics.stream()
                      .map(nic -> nic.id() + nic.mac().map(mac -> " (" + mac + ")").orElse(""))
                      .toList()));
    }
    return found.get(0);
  }

  /** What a new address cannot reach where the {@code mac=} of the command line changes as well. */
  public static List<String> limitsBesidesCommandLine(Nic nic) {
    return nic.limits().stream().filter(limit -> !OF_THE_COMMAND_LINE.contains(limit)).toList();
  }

  /**
   * What has to follow the {@code mac=} of the command line and is none of {@link Nic#copies}: the
   * serial number of e1000e and igb.
   */
  public static Optional<Nic.Copy> followsCommandLine(Nic nic) throws IOException {
    return nic.model().equals("e1000e") || nic.model().equals("igb")
        ? SerialNumber.INTEL.find(nic.section()).map(Copies.Found::copy)
        : Optional.empty();
  }

  private static boolean fits(Nic nic, String wanted) {
    return nic.id().contains(wanted)
        || nic.mac().map(mac -> mac.toString().equalsIgnoreCase(wanted)).orElse(false);
  }

  private static Optional<Nic> of(DeviceSection device) throws IOException {
    String model = device.name().substring(device.name().lastIndexOf('/') + 1);
    List<Optional<Copies.Found>> copies;
    List<String> limits = List.of(COMMAND_LINE, GUEST);
    switch (model) {
      case "e1000" -> {
        // hw/net/e1000.c. mac_reg[0] in vmdesc is the array at RA (0x5400), the first of three
        // called mac_reg; the full register file stands once more in a subsection.
        copies =
            List.of(
                Copies.receiveAddress(device, "mac_reg[0]", 0),
                Copies.receiveAddress(device, "e1000/full_mac_state/mac_reg", 0x1500),
                Copies.eeprom(device, "eeprom_data", 0, true));
      }
      case "e1000e", "igb" -> {
        // hw/net/e1000e.c, e1000e_core.c: permanent_mac is what a reset copies into RA0.
        copies =
            List.of(
                Copies.receiveAddress(device, "core.mac", 0x1500),
                Copies.plain(device, "core.permanent_mac"),
                Copies.eeprom(device, "core.eeprom", 0, true));
        limits = List.of(SERIAL_NUMBER, GUEST);
      }
      case "rtl8139" -> {
        // hw/net/rtl8139.c: a reset copies conf.macaddr into phys; the EEPROM has no checksum.
        copies =
            List.of(
                Copies.plain(device, "phys"),
                Copies.plain(device, "conf.macaddr"),
                Copies.eeprom(device, "eeprom.contents", 7, false));
      }
      case "virtio-net" -> {
        copies = VirtioNet.copies(device);
        limits = List.of(RESET_RESTORES, GUEST);
      }
      case "vmxnet3" -> {
        copies = Vmxnet3.copies(device);
        limits = List.of(ONLY_COMMAND_LINE, GUEST);
      }
      default -> {
        return Optional.empty();
      }
    }
    List<Copies.Found> found = copies.stream().flatMap(Optional::stream).toList();
    return Optional.of(
        new Nic(
            device.label(),
            model,
            found.stream().findFirst().map(Copies.Found::now),
            device,
            found.stream().map(Copies.Found::copy).toList(),
            limits));
  }
}
