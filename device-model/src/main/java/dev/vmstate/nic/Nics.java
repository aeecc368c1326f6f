package dev.vmstate.nic;

import dev.vmstate.checksum.SummedField;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldPath;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Finds the network cards among a machine's devices, by the name of their section. */
public final class Nics {
  /** The limit of every card that an edit of the guest's kernel takes away. */
  public static final String GUEST =
      "the guest kernel's copy (net_device) in RAM: its driver goes on using the old address until"
          + " it is reloaded; --guest changes it too";

  private Nics() {}

  /** All network cards, in stream order. */
  public static List<Nic> of(List<DeviceSection> devices) throws IOException {
    List<Nic> nics = new ArrayList<>();
    for (DeviceSection device : devices) {
      Optional<Nic> nic = of(device, devices);
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
    return nic.limits().stream().filter(limit -> !CommandLine.says(limit)).toList();
  }

  /**
   * What has to follow the {@code mac=} of the command line and is none of {@link Nic#copies}: the
   * serial number of e1000e and igb.
   */
  public static Optional<Nic.Copy> followsCommandLine(Nic nic) throws IOException {
    Optional<NicModel> model = NicTable.of(nic.model()).filter(found -> !found.needsSerial());
    Optional<SerialNumber> serial = model.flatMap(NicModel::serial);
    return serial.isPresent()
        ? serial.get().find(nic.section()).map(Copies.Found::copy)
        : Optional.empty();
  }

  /** The fields of network cards that carry a checksum. */
  public static List<SummedField> checksums(List<DeviceSection> devices) {
    List<SummedField> places = new ArrayList<>();
    for (DeviceSection device : devices) {
      Optional<NicModel> model = NicTable.of(device.name());
      for (CopyRule rule : model.map(NicModel::copies).orElse(List.of())) {
        Optional<FieldPath> field =
            rule.checksum().isPresent() ? rule.field(device, devices) : Optional.empty();
        if (field.isPresent()) {
          places.add(new SummedField(field.get(), rule.checksum().get()));
        }
      }
    }
    return places;
  }

  private static boolean fits(Nic nic, String wanted) {
    return nic.id().contains(wanted)
        || nic.mac().map(mac -> mac.toString().equalsIgnoreCase(wanted)).orElse(false);
  }

  private static Optional<Nic> of(DeviceSection device, List<DeviceSection> devices)
      throws IOException {
    String name = device.name().substring(device.name().lastIndexOf('/') + 1);
    if (name.equals(VirtioNet.SECTION)) {
      List<Copies.Found> found = VirtioNet.copies(device);
      return Optional.of(nic(device, found, List.of(CommandLine.DEVICE_RESET.limit(), GUEST)));
    }
    Optional<NicModel> row = NicTable.of(name);
    if (row.isEmpty()) {
      return Optional.empty();
    }
    NicModel model = row.get();
    List<Copies.Found> found = new ArrayList<>();
    for (CopyRule rule : model.copies()) {
      Optional<Copies.Found> copy = rule.find(device, devices);
      boolean holds =
          copy.isPresent() && !found.isEmpty() && copy.get().now().equals(found.get(0).now());
      if (copy.isPresent() && (!rule.ifSame() || holds)) {
        found.add(copy.get());
      }
    }
    if (model.needsSerial() && model.serial().isPresent()) {
      model.serial().get().find(device).map(SerialNumber::needed).ifPresent(found::add);
    }
    List<String> limits = new ArrayList<>(List.of(model.commandLine().limit()));
    limits.addAll(model.limits());
    limits.add(GUEST);
    return Optional.of(nic(device, found, limits));
  }

  private static Nic nic(DeviceSection device, List<Copies.Found> found, List<String> limits) {
    return new Nic(
        device.label(),
        device.name().substring(device.name().lastIndexOf('/') + 1),
        found.stream().findFirst().map(Copies.Found::now),
        device,
        found.stream().map(Copies.Found::copy).toList(),
        limits);
  }
}
