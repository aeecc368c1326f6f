package dev.vmstate.core.edit;

import dev.vmstate.core.net.Interfaces;
import dev.vmstate.core.net.NetNamespaces;
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
    for (KernelObject net : NetNamespaces.listed(objects, notes)) {
      String suffix = init.equals(OptionalLong.of(net.address())) ? "" : "@net:" + namespace(net);
      for (KernelObject device : Interfaces.devices(net, notes)) {
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

  private static Optional<String> driver(KernelObject device) throws IOException {
    try {
      return Interfaces.driver(device).map(GuestWords::printable);
    } catch (UnmappedAddressException broken) {
      return Optional.empty();
    }
  }

  /** Whether these bytes stand there. */
  static boolean stands(KernelObjects objects, long at, byte[] bytes) throws IOException {
    return Arrays.equals(objects.memory().bytes(at, bytes.length), bytes);
  }
}
