package dev.vmstate.core.edit;

import static dev.vmstate.core.objects.HandKernel.DIRECT;

import dev.vmstate.core.objects.HandKernel;
import java.util.ArrayList;
import java.util.List;

/** Network interfaces in a kernel put together by hand, as Linux 6.12 has them. */
final class HandNet {
  static final long NAMESPACES = DIRECT + 0x20000;
  static final long INIT_NET = DIRECT + 0x21000;
  private static final long DEVICES = DIRECT + 0x100000;
  private static final long ADDRESSES = DIRECT + 0x200000;

  final HandKernel kernel = new HandKernel();
  private final List<Long> links = new ArrayList<>();

  HandNet() {
    kernel
        .type("net", 0x100)
        .member("net", "list", 0x10, 16)
        .member("net", "dev_base_head", 0x40, 16)
        .member("net", "ns.inum", 0x60, 4)
        .type("net_device", 0x200)
        .member("net_device", "name", 0, 16)
        .member("net_device", "dev_list", 0x10, 16)
        .member("net_device", "addr_len", 0x20, 1)
        .member("net_device", "dev_addr", 0x28, 8)
        .member("net_device", "perm_addr", 0x30, 32)
        .member("net_device", "dev_addr_shadow", 0x50, 32)
        .member("net_device", "dev_addrs", 0x70, 32)
        .member("net_device", "priv_len", 0x90, 4)
        .member("net_device", "dev.parent", 0x98, 8)
        .member("net_device", "ip6_ptr", 0xa0, 8)
        .member("net_device", "uc", 0xb0, 32)
        .member("net_device", "priv_flags", 0xd0, 4)
        .member("net_device", "priv", 0x200, 0)
        .type("netdev_hw_addr_list", 32)
        .member("netdev_hw_addr_list", "list", 0, 16)
        .member("netdev_hw_addr_list", "tree", 24, 8)
        .member("netdev_hw_addr_list", "tree.rb_node", 24, 8)
        .type("netdev_hw_addr", 0x68)
        .member("netdev_hw_addr", "list", 0, 16)
        .member("netdev_hw_addr", "node", 16, 24)
        .member("netdev_hw_addr", "addr", 40, 32)
        .member("netdev_hw_addr", "type", 72, 1)
        .type("rb_node", 24)
        .member("rb_node", "__rb_parent_color", 0, 8)
        .member("rb_node", "rb_right", 8, 8)
        .member("rb_node", "rb_left", 16, 8)
        .type("inet6_dev", 0x40)
        .member("inet6_dev", "addr_list", 0x8, 16)
        .type("inet6_ifaddr", 0x40)
        .member("inet6_ifaddr", "addr", 0, 16)
        .member("inet6_ifaddr", "if_list", 0x20, 16)
        .enumerator("IFF_BRIDGE_PORT", 1 << 9)
        .symbol("net_namespace_list", NAMESPACES)
        .symbol("init_net", INIT_NET)
        .list(NAMESPACES, INIT_NET + 0x10)
        .put(INIT_NET, "net", "ns.inum", 4026531840L);
  }

  static long device(int number) {
    return DEVICES + 0x1000L * number;
  }

  /** The {@code netdev_hw_addr} number {@code entry} of a device. */
  static long entry(int device, int entry) {
    return ADDRESSES + 0x1000L * device + 0x100L * entry;
  }

  /** An interface; what it has in use is the first of the addresses. */
  HandNet device(int number, String name, byte[]... addresses) {
    long at = device(number);
    kernel
        .put(at, "net_device", "name", name)
        .put(at, "net_device", "addr_len", 6)
        .put(at, "net_device", "dev_addr", entry(number, 0) + 40)
        .bytes(at + 0x30, addresses[0])
        .bytes(at + 0x50, addresses[0])
        .list(at + 0xb0);
    long[] entries = new long[addresses.length];
    for (int i = 0; i < entries.length; i++) {
      entries[i] = entry(number, i);
      kernel.bytes(entries[i] + 40, addresses[i]).put(entries[i], "netdev_hw_addr", "type", 1);
    }
    kernel.list(at + 0x70, entries).word(at + 0x70 + 24, entries[0] + 16);
    links.add(at + 0x10);
    kernel.list(INIT_NET + 0x40, links.stream().mapToLong(Long::longValue).toArray());
    return this;
  }

  /** Where an entry stands in the tree: above it, left and right of it; 0 for none. */
  HandNet node(long entry, long parent, long colour, long left, long right) {
    kernel
        .word(entry + 16, node(parent) | colour)
        .word(entry + 24, node(right))
        .word(entry + 32, node(left));
    return this;
  }

  private static long node(long entry) {
    return entry == 0 ? 0 : entry + 16;
  }
}
