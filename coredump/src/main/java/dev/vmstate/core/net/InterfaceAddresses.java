package dev.vmstate.core.net;

import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.net.Interface.Address;
import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The addresses of an interface: {@code include/linux/inetdevice.h}, {@code
 * include/net/if_inet6.h}.
 */
final class InterfaceAddresses {
  private InterfaceAddresses() {}

  /**
   * Adds the IPv4 addresses.
   *
   * @param left how many more are looked at, of all interfaces together
   */
  static void v4(KernelObject device, List<Address> into, List<String> notes, int[] left)
      throws IOException {
    Optional<KernelObject> in = device.follow("ip_ptr", "in_device");
    Set<Long> seen = new HashSet<>();
    Optional<KernelObject> at = in.isEmpty() ? in : in.get().follow("ifa_list", "in_ifaddr");
    while (at.isPresent()) {
      KernelObject address = at.get();
      if (!seen.add(address.address()) || --left[0] < 0) {
        notes.add("addresses of %s have no end".formatted(device.text("name")));
        return;
      }
      long broadcast = address.number("ifa_broadcast");
      into.add(
          new Address(
              "inet",
              InternetAddress.v4(address, "ifa_local"),
              address.number("ifa_prefixlen"),
              scope((int) address.number("ifa_scope")),
              broadcast == 0
                  ? Optional.empty()
                  : Optional.of(InternetAddress.v4(address, "ifa_broadcast")),
              Optional.of(address.text("ifa_label")),
              address.number("ifa_flags")));
      at = address.follow("ifa_next", "in_ifaddr");
    }
  }

  /** Adds the IPv6 addresses; {@code left} as for {@link #v4}. */
  static void v6(KernelObject device, List<Address> into, List<String> notes, int[] left)
      throws IOException {
    Optional<KernelObject> in =
        device.has("ip6_ptr") && device.objects().at("inet6_dev", 0).has("addr_list")
            ? device.follow("ip6_ptr", "inet6_dev")
            : Optional.empty();
    if (in.isEmpty()) {
      return;
    }
    ListWalk walk = device.objects().list(in.get().at("addr_list"), Math.max(0, left[0]));
    left[0] -= walk.entries().size();
    if (walk.fault().isPresent()) {
      notes.add("IPv6 addresses of %s: %s".formatted(device.text("name"), walk.fault().get()));
    }
    for (long entry : walk.entries()) {
      KernelObject address = device.objects().container(entry, "inet6_ifaddr", "if_list");
      into.add(
          new Address(
              "inet6",
              InternetAddress.v6(address, "addr"),
              address.number("prefix_len"),
              scope6((int) address.number("scope")),
              Optional.empty(),
              Optional.empty(),
              address.number("flags")));
    }
  }

  /** {@code RT_SCOPE_…}. */
  private static String scope(int scope) {
    return switch (scope) {
      case 0 -> "global";
      case 200 -> "site";
      case 253 -> "link";
      case 254 -> "host";
      case 255 -> "nowhere";
      default -> Integer.toString(scope);
    };
  }

  /** {@code IFA_…} of include/net/ipv6.h. */
  private static String scope6(int scope) {
    return switch (scope & 0xf0) {
      case 0x00 -> "global";
      case 0x10 -> "host";
      case 0x20 -> "link";
      case 0x40 -> "site";
      default -> "0x%x".formatted(scope);
    };
  }
}
