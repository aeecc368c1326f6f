package dev.vmstate.core.edit;

import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.objects.GuestWords;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The network interfaces of all namespaces: {@code net_namespace_list}, of each {@code struct net}
 * its {@code dev_base_head}.
 *
 * @param all as the lists have them
 * @param notes where a list broke off
 */
record NetDevices(List<Interface> all, List<String> notes) {
  /** {@code ETH_ALEN}. */
  static final int ADDRESS = 6;

  private static final int MOST_NAMESPACES = 1 << 16;
  private static final int MOST_DEVICES = 1 << 16;
  private static final int MOST_NAME = 64;

  NetDevices {
    all = List.copyOf(all);
    notes = List.copyOf(notes);
  }

  /**
   * An interface.
   *
   * @param device the {@code struct net_device}
   * @param name with its namespace, where that is not the first one
   * @param driver of the card behind it; empty when there is none
   */
  record Interface(KernelObject device, String name, Optional<String> driver) {
    /**
     * Where its address stands; before 2.6.31 that was an array of the structure itself, and is a
     * pointer since.
     */
    long address() throws IOException {
      return device.bytes("dev_addr") > 8 ? device.at("dev_addr") : device.number("dev_addr");
    }

    /** Whether it has addresses as Ethernet has. */
    boolean isEthernet() throws IOException {
      return device.number("addr_len") == ADDRESS && address() != 0;
    }
  }

  /** Walks through all of them. */
  static NetDevices of(KernelObjects objects) throws IOException {
    List<Interface> all = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    OptionalLong init = objects.address("init_net");
    ListWalk namespaces = objects.list(objects.needed("net_namespace_list"), MOST_NAMESPACES);
    namespaces.fault().ifPresent(why -> notes.add("the list of network namespaces " + why));
    for (long entry : namespaces.entries()) {
      KernelObject net = objects.container(entry, "net", "list");
      String suffix = init.equals(OptionalLong.of(net.address())) ? "" : "@net:" + namespace(net);
      ListWalk devices = objects.list(net.at("dev_base_head"), MOST_DEVICES);
      devices
          .fault()
          .ifPresent(why -> notes.add("the list of interfaces%s %s".formatted(suffix, why)));
      for (long at : devices.entries()) {
        KernelObject device = objects.container(at, "net_device", "dev_list");
        try {
          String name = GuestWords.printable(device.text("name")) + suffix;
          all.add(new Interface(device, name, driver(device)));
        } catch (UnmappedAddressException broken) {
          notes.add("an interface at 0x%x: %s".formatted(device.address(), broken.getMessage()));
        }
      }
    }
    return new NetDevices(all, notes);
  }

  /** By the number that {@code ls -l /proc/PID/ns/net} shows. */
  private static String namespace(KernelObject net) throws IOException {
    return net.has("ns.inum")
        ? Long.toString(net.number("ns.inum"))
        : "0x%x".formatted(net.address());
  }

  /**
   * Of the device that the interface belongs to; of a bridge, a VLAN and the like there is none.
   */
  private static Optional<String> driver(KernelObject device) throws IOException {
    try {
      Optional<KernelObject> parent = device.follow("dev.parent", "device");
      Optional<KernelObject> driver =
          parent.isEmpty() ? Optional.empty() : parent.get().follow("driver", "device_driver");
      Optional<String> name =
          driver.isEmpty() ? Optional.empty() : driver.get().textAt("name", MOST_NAME);
      return name.map(GuestWords::printable);
    } catch (UnmappedAddressException broken) {
      return Optional.empty();
    }
  }

  /** Whether these bytes stand there. */
  static boolean stands(KernelObjects objects, long at, byte[] bytes) throws IOException {
    return Arrays.equals(objects.memory().bytes(at, bytes.length), bytes);
  }
}
