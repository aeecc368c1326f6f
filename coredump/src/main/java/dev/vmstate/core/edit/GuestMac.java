package dev.vmstate.core.edit;

import dev.vmstate.core.edit.NetDevices.Interface;
import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.firmware.EditableMemory;
import dev.vmstate.firmware.TableEdit;
import dev.vmstate.memory.UnmappedAddressException;
import dev.vmstate.nic.MacAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A card's address in its guest's kernel: every {@code struct net_device} that has the old one, its
 * own and those of interfaces stacked upon it, which have inherited it. In each the address in use
 * with the entry of the list that it stands in, the copy that the kernel compares it with ({@code
 * dev_addr_shadow}, 5.17 and later), the permanent one, and what the driver keeps behind the
 * structure, by which it sets its card up again.
 *
 * @param edits what changes, for people
 * @param limits what has the old address and keeps it
 */
public record GuestMac(List<TableEdit> edits, List<String> limits) {
  private static final int MOST_ADDRESSES = 4096;

  public GuestMac {
    edits = List.copyOf(edits);
    limits = List.copyOf(limits);
  }

  /**
   * Changes it.
   *
   * @param memory the guest's, as it will be
   * @throws IOException when no interface has the old address; nothing was written then
   */
  public static GuestMac change(
      KernelObjects objects, EditableMemory memory, MacAddress from, MacAddress to)
      throws IOException {
    NetDevices devices = NetDevices.of(objects);
    Change change = new Change(objects, memory, from, to);
    change.limits.addAll(devices.notes());
    int changed = 0;
    for (Interface device : devices.all()) {
      try {
        if (device.isEthernet() && change.has(device)) {
          change.make(device);
          changed++;
        }
      } catch (UnmappedAddressException broken) {
        change.limits.add("%s: %s".formatted(device.name(), broken.getMessage()));
      }
    }
    if (changed == 0) {
      throw new IOException(
          "no interface of the guest's Linux %s has the address %s, so nothing is changed: it has %s; without --guest the card alone changes"
              .formatted(objects.kernel().release(), from, named(objects, devices.all())));
    }
    return new GuestMac(change.writes.edits(), change.limits);
  }

  private static String named(KernelObjects objects, List<Interface> all) throws IOException {
    List<String> names = new ArrayList<>();
    for (Interface device : all) {
      try {
        names.add(
            device.isEthernet()
                ? device.name() + " " + MacAddress.of(address(objects, device.address()))
                : device.name());
      } catch (UnmappedAddressException broken) {
        names.add(device.name());
      }
    }
    return names.isEmpty()
        ? "none at all"
        : names.stream().limit(50).collect(Collectors.joining(", "));
  }

  private static byte[] address(KernelObjects objects, long at) throws IOException {
    return objects.memory().bytes(at, NetDevices.ADDRESS);
  }

  /** Of all interfaces, one after the other. */
  private static final class Change {
    private final KernelObjects objects;
    private final KernelWrites writes;
    private final MacAddress from;
    private final MacAddress to;
    private final List<String> limits = new ArrayList<>();

    Change(KernelObjects objects, EditableMemory memory, MacAddress from, MacAddress to) {
      this.objects = objects;
      this.writes = new KernelWrites(objects, memory);
      this.from = from;
      this.to = to;
    }

    boolean has(Interface device) throws IOException {
      return NetDevices.stands(objects, device.address(), from.bytes())
          || NetDevices.stands(objects, device.device().at("perm_addr"), from.bytes());
    }

    void make(Interface device) throws IOException {
      KernelObject of = device.device();
      String name =
          device.name() + device.driver().map(driver -> " (%s)".formatted(driver)).orElse("");
      List<String> parts = new ArrayList<>();
      boolean used = NetDevices.stands(objects, device.address(), from.bytes());
      int entries = new AddressList(of, "dev_addrs").change(from.bytes(), to.bytes(), writes);
      if (used) {
        writes.write(device.address(), to.bytes());
        parts.add("dev_addr");
        if (entries > 0) {
          parts.add("dev_addrs");
        }
      }
      for (String copy : List.of("dev_addr_shadow", "perm_addr")) {
        if (of.has(copy) && NetDevices.stands(objects, of.at(copy), from.bytes())) {
          writes.write(of.at(copy), to.bytes());
          parts.add(copy);
        }
      }
      writes.report(
          "%s: %s".formatted(name, String.join(", ", parts)), from.toString(), to.toString());
      PrivateArea area = PrivateArea.of(of);
      for (int offset : area.find(objects.memory(), from.bytes())) {
        writes.write(area.start() + offset, to.bytes());
        writes.report(
            "%s: its driver's own copy, private area + 0x%x".formatted(name, offset),
            from.toString(),
            to.toString());
      }
      limits(device, used, area);
    }

    private void limits(Interface device, boolean used, PrivateArea area) throws IOException {
      KernelObject of = device.device();
      if (!used) {
        limits.add(
            "%s uses %s: only its permanent address was the card's"
                .formatted(device.name(), MacAddress.of(address(objects, device.address()))));
      }
      if (area.bytes() == 0) {
        limits.add(
            "%s: copies its driver may have for itself: it is not known how much memory it has"
                .formatted(device.name()));
      }
      if (of.has("uc") && !new AddressList(of, "uc").with(from.bytes()).isEmpty()) {
        limits.add("%s: its list of further unicast addresses".formatted(device.name()));
      }
      if (flag(of, "IFF_BRIDGE_PORT")) {
        limits.add(
            "%s is a port of a bridge, whose forwarding table has the old address as its own until the port leaves"
                .formatted(device.name()));
      }
      if (flag(of, "IFF_BONDING")) {
        limits.add(
            "%s is part of a bond, which gives its members back the addresses they came with"
                .formatted(device.name()));
      }
      for (String address : madeOf(of)) {
        limits.add(
            "%s keeps %s, which was made of the old address, until it is taken down and up"
                .formatted(device.name(), address));
      }
    }

    private boolean flag(KernelObject device, String name) throws IOException {
      var flag = objects.types().enumerator(name);
      return flag.isPresent()
          && device.has("priv_flags")
          && (device.number("priv_flags") & flag.getAsLong()) != 0;
    }

    private static String shown(byte[] address) throws IOException {
      return InetAddress.getByAddress(address)
          .getHostAddress()
          .replaceFirst("(^|:)0(:0)+(:|$)", "::");
    }

    /** IPv6 addresses whose lower half is the old address: {@code addrconf_ifid_eui48}. */
    private List<String> madeOf(KernelObject device) throws IOException {
      List<String> found = new ArrayList<>();
      byte[] half = new byte[8];
      byte[] mac = from.bytes();
      System.arraycopy(mac, 0, half, 0, 3);
      System.arraycopy(mac, 3, half, 5, 3);
      half[0] ^= 2;
      half[3] = (byte) 0xff;
      half[4] = (byte) 0xfe;
      try {
        Optional<KernelObject> inet6 =
            device.has("ip6_ptr") ? device.follow("ip6_ptr", "inet6_dev") : Optional.empty();
        if (inet6.isEmpty() || !inet6.get().has("addr_list")) {
          return found;
        }
        ListWalk list = objects.list(inet6.get().at("addr_list"), MOST_ADDRESSES);
        for (long entry : list.entries()) {
          KernelObject address = objects.container(entry, "inet6_ifaddr", "if_list");
          byte[] bytes = objects.memory().bytes(address.at("addr"), 16);
          if (Arrays.equals(bytes, 8, 16, half, 0, 8)) {
            found.add(shown(bytes));
          }
        }
      } catch (UnmappedAddressException broken) {
        return found; // addresses that are not there are not made of anything
      }
      return found;
    }
  }
}
