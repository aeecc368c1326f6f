package dev.vmstate.core.net;

import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.net.Interface.Address;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;

/**
 * The interfaces of a network namespace: {@code net.dev_base_head}. Source:
 * include/linux/netdevice.h, net/core/dev.c.
 *
 * @param all by the kernel's list
 * @param notes where a list broke off
 */
public record Interfaces(List<Interface> all, List<String> notes) {
  private static final int MOST = 1 << 16;

  /** Addresses and neighbours of all of them together; each list alone may be as long. */
  private static final int MOST_IN_ALL = 1 << 17;

  private static final int MOST_TEXT = 64;

  /** {@code MAX_ADDR_LEN}. */
  private static final int MOST_ADDRESS = 32;

  /** Devices above a network card's: virtio, PCI, bridges. */
  private static final int MOST_PARENTS = 16;

  public Interfaces {
    all = List.copyOf(all);
    notes = List.copyOf(notes);
  }

  /** Of a {@code struct net}. */
  public static Interfaces of(KernelObject net) throws IOException {
    List<Interface> all = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    int[] left = {MOST_IN_ALL};
    for (KernelObject device : devices(net, notes)) {
      try {
        all.add(read(device, notes, left));
      } catch (IOException broken) {
        notes.add("interface at 0x%x: %s".formatted(device.address(), broken.getMessage()));
      }
    }
    return new Interfaces(all, notes);
  }

  /** The {@code struct net_device}s of a {@code struct net}; where the list broke off is noted. */
  public static List<KernelObject> devices(KernelObject net, List<String> notes)
      throws IOException {
    KernelObjects objects = net.objects();
    ListWalk walk = objects.list(net.at("dev_base_head"), MOST);
    walk.fault().ifPresent(why -> notes.add("list of interfaces " + why));
    List<KernelObject> devices = new ArrayList<>();
    for (long entry : walk.entries()) {
      devices.add(objects.container(entry, "net_device", "dev_list"));
    }
    return devices;
  }

  /** The driver of the device that an interface belongs to; of a bridge or a VLAN there is none. */
  public static Optional<String> driver(KernelObject device) throws IOException {
    Optional<KernelObject> below = below(device);
    return below.isEmpty() ? Optional.empty() : driverOf(below.get());
  }

  private static Interface read(KernelObject device, List<String> notes, int[] left)
      throws IOException {
    String name = device.text("name");
    List<Address> addresses = new ArrayList<>();
    Optional<Parent> parent = Optional.empty();
    List<Neighbour> uppers = List.of();
    List<Neighbour> lowers = List.of();
    try {
      InterfaceAddresses.v4(device, addresses, notes, left);
      InterfaceAddresses.v6(device, addresses, notes, left);
      parent = parent(device);
      uppers = neighbours(device, "adj_list.upper", left);
      lowers = neighbours(device, "adj_list.lower", left);
    } catch (IOException broken) {
      notes.add("interface %s: %s".formatted(name, broken.getMessage()));
    }
    return new Interface(
        device.number("ifindex"),
        name,
        InterfaceFlags.of(device),
        device.number("mtu"),
        InterfaceFlags.state(device),
        InterfaceFlags.carrier(device),
        device.number("type"),
        mac(device, device.number("dev_addr")),
        mac(device, device.at("perm_addr")),
        kind(device),
        parent.flatMap(Parent::driver),
        parent.map(Parent::name),
        parent.flatMap(Parent::pci),
        uppers.stream().filter(Neighbour::master).map(Neighbour::index).findFirst(),
        lowers.stream().map(Neighbour::index).toList(),
        addresses);
  }

  private static Optional<String> mac(KernelObject device, long at) throws IOException {
    int length = (int) Math.min(device.number("addr_len"), MOST_ADDRESS);
    if (at == 0 || length == 0) {
      return Optional.empty();
    }
    StringJoiner text = new StringJoiner(":");
    boolean any = false;
    for (byte part : device.objects().memory().bytes(at, length)) {
      text.add("%02x".formatted(part & 255));
      any |= part != 0;
    }
    return any ? Optional.of(text.toString()) : Optional.empty();
  }

  private static Optional<String> kind(KernelObject device) throws IOException {
    Optional<KernelObject> ops = device.follow("rtnl_link_ops", "rtnl_link_ops");
    return ops.isEmpty() ? Optional.empty() : ops.get().textAt("kind", MOST_TEXT);
  }

  private static Optional<KernelObject> below(KernelObject device) throws IOException {
    return device.follow("dev.parent", "device");
  }

  private static Optional<String> driverOf(KernelObject below) throws IOException {
    Optional<KernelObject> driver = below.follow("driver", "device_driver");
    return driver.isEmpty() ? Optional.empty() : driver.get().textAt("name", MOST_TEXT);
  }

  private record Parent(String name, Optional<String> driver, Optional<String> pci) {}

  private static Optional<Parent> parent(KernelObject device) throws IOException {
    Optional<KernelObject> below = below(device);
    if (below.isEmpty()) {
      return Optional.empty();
    }
    Optional<String> pci = Optional.empty();
    Optional<KernelObject> at = below;
    for (int i = 0; i < MOST_PARENTS && at.isPresent() && pci.isEmpty(); i++) {
      Optional<KernelObject> bus = at.get().follow("bus", "bus_type");
      if (bus.isPresent() && bus.get().textAt("name", MOST_TEXT).orElse("").equals("pci")) {
        pci = at.get().textAt("kobj.name", MOST_TEXT);
      }
      at = at.get().follow("parent", "device");
    }
    return Optional.of(
        new Parent(
            below.get().textAt("kobj.name", MOST_TEXT).orElse("?"), driverOf(below.get()), pci));
  }

  private record Neighbour(long index, boolean master) {}

  private static List<Neighbour> neighbours(KernelObject device, String list, int[] left)
      throws IOException {
    List<Neighbour> found = new ArrayList<>();
    if (device.has(list)) {
      KernelObjects objects = device.objects();
      for (long entry : objects.list(device.at(list), Math.max(0, left[0])).entries()) {
        left[0]--;
        KernelObject adjacent = objects.container(entry, "netdev_adjacent", "list");
        Optional<KernelObject> other = adjacent.follow("dev", "net_device");
        if (other.isPresent()) {
          found.add(new Neighbour(other.get().number("ifindex"), adjacent.number("master") != 0));
        }
      }
    }
    return found;
  }
}
