package dev.vmstate.core.net;

import java.util.List;
import java.util.Optional;

/**
 * A network interface, much as {@code ip address} shows it.
 *
 * @param index its number
 * @param name {@code eth0}; one character for each byte
 * @param flags {@code BROADCAST}, {@code UP}: IFF_… without the prefix, in the order of their bits
 * @param mtu bytes
 * @param state {@code UP}, {@code DOWN}, {@code UNKNOWN}: its operational state
 * @param carrier whether the link has one
 * @param type ARPHRD_… number: 1 of Ethernet, 772 of the loopback
 * @param mac its address, {@code 52:54:00:12:34:56}; empty where it has none
 * @param permanentMac the one its card came with, when that is known
 * @param kind of virtual interfaces: {@code bridge}, {@code veth}, {@code vlan}
 * @param driver of the device below: {@code virtio_net}
 * @param device name of the device below: {@code virtio0}
 * @param pci address of its PCI function, {@code 0000:00:03.0}
 * @param master index of the bridge or bond it is part of
 * @param lower index of the interfaces it is built on
 * @param addresses in the order the kernel has them
 */
public record Interface(
    long index,
    String name,
    List<String> flags,
    long mtu,
    String state,
    boolean carrier,
    long type,
    Optional<String> mac,
    Optional<String> permanentMac,
    Optional<String> kind,
    Optional<String> driver,
    Optional<String> device,
    Optional<String> pci,
    Optional<Long> master,
    List<Long> lower,
    List<Address> addresses) {
  public Interface {
    flags = List.copyOf(flags);
    lower = List.copyOf(lower);
    addresses = List.copyOf(addresses);
  }

  /**
   * An address of it.
   *
   * @param family {@code inet} or {@code inet6}
   * @param address {@code 10.0.0.1}
   * @param prefix bits that are the network's
   * @param scope {@code global}, {@code link}, {@code host}
   * @param broadcast of IPv4, when there is one
   * @param label of IPv4: {@code eth0:1}
   * @param flags IFA_F_… bits
   */
  public record Address(
      String family,
      String address,
      long prefix,
      String scope,
      Optional<String> broadcast,
      Optional<String> label,
      long flags) {}
}
