package dev.vmstate.core.net;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Every socket in a hash table or list of the kernel's. Chains end at 0, or at a value with bit 0
 * set, which says of which chain it is the end ({@code hlist_nulls}). Source:
 * include/net/inet_hashtables.h, udp.h, raw.h, af_unix.h, net/netlink/af_netlink.c.
 */
final class SocketTables {
  /** Of all tables together. */
  private static final int MOST_SOCKETS = 1 << 18;

  /** Chains and their entries, of all tables: chains made to meet are walked again and again. */
  private static final long MOST_STEPS = 1 << 23;

  /** What one broken chain says; a thousand say no more. */
  private static final int MOST_NOTES = 50;

  /** {@code thash_entries=} takes 512 Ki at most. */
  private static final long MOST_BUCKETS = 1 << 22;

  /** {@code UNIX_HASH_SIZE}: 256 for names, and 256 for inodes or types. */
  private static final int UNIX_BUCKETS = 512;

  /** {@code MAX_LINKS} of netlink. */
  private static final int MAX_LINKS = 32;

  /** {@code PING_HTABLE_SIZE}. */
  private static final int PING_BUCKETS = 64;

  private static final String NODE = "__sk_common.skc_node";

  private final KernelObjects objects;
  private final KernelMemory memory;
  private final Set<Long> sockets = new LinkedHashSet<>();
  private final Set<Long> tables = new LinkedHashSet<>();
  private final List<String> notes = new ArrayList<>();
  private int leftOut;
  private long steps;

  SocketTables(KernelObjects objects) {
    this.objects = objects;
    this.memory = objects.memory();
  }

  /** Addresses of {@code struct sock}s, of time-wait and request sockets too. */
  Set<Long> sockets() {
    return sockets;
  }

  List<String> notes() {
    List<String> all = new ArrayList<>(notes);
    if (leftOut > 0) {
      all.add("%d more faults of tables of sockets".formatted(leftOut));
    }
    return all;
  }

  private void note(String text) {
    if (notes.size() < MOST_NOTES) {
      notes.add(text);
    } else {
      leftOut++;
    }
  }

  void readAll(List<NetNamespace> namespaces) {
    for (NetNamespace namespace : namespaces) {
      KernelObject net = namespace.net();
      each("TCP", () -> tcp(net));
      each("UDP", () -> udp(net));
      each("UNIX", () -> unix(net));
      each("packet", () -> chain("packet", net.at("packet.sklist"), NODE));
    }
    each("UDP-Lite", () -> udpTable(objects.address("udplite_table")));
    each("raw", () -> raw("raw_v4_hashinfo"));
    each("raw", () -> raw("raw_v6_hashinfo"));
    each("ping", this::ping);
    each("netlink", this::netlink);
  }

  private interface Walk {
    void walk() throws IOException;
  }

  private void each(String what, Walk walk) {
    try {
      walk.walk();
    } catch (IOException broken) {
      note("%s sockets: %s".formatted(what, broken.getMessage()));
    }
  }

  private void tcp(KernelObject net) throws IOException {
    KernelObject info = objects.at("inet_hashinfo", net.number("ipv4.tcp_death_row.hashinfo"));
    if (!tables.add(info.address())) {
      return;
    }
    long bucket = objects.types().size("inet_ehash_bucket").orElse(memory.wordBytes());
    buckets("TCP", info.number("ehash"), info.number("ehash_mask") + 1, bucket, 0, NODE);
    long listening = objects.at("inet_listen_hashbucket", 0).at("nulls_head");
    long size = objects.types().size("inet_listen_hashbucket").orElse(16);
    if (info.has("listening_hash")) { // until 5.18; lhash2 has the same ones by another member
      long count = objects.types().length("inet_hashinfo", "listening_hash").orElse(32);
      buckets("TCP", info.at("listening_hash"), count, size, listening, NODE);
    } else {
      buckets("TCP", info.number("lhash2"), info.number("lhash2_mask") + 1, size, listening, NODE);
    }
  }

  private void udp(KernelObject net) throws IOException {
    udpTable(
        net.has("ipv4.udp_table")
            ? OptionalLong.of(net.number("ipv4.udp_table"))
            : objects.address("udp_table"));
  }

  private void udpTable(OptionalLong address) throws IOException {
    if (address.isPresent() && tables.add(address.getAsLong())) {
      KernelObject table = objects.at("udp_table", address.getAsLong());
      long size = objects.types().size("udp_hslot").orElse(16);
      long head = objects.at("udp_hslot", 0).at("head");
      buckets("UDP", table.number("hash"), table.number("mask") + 1, size, head, NODE);
    }
  }

  private void unix(KernelObject net) throws IOException {
    OptionalLong one = objects.address("unix_socket_table");
    long table = net.has("unx.table.buckets") ? net.number("unx.table.buckets") : one.orElse(0);
    if (table != 0 && tables.add(table)) {
      buckets("UNIX", table, UNIX_BUCKETS, memory.wordBytes(), 0, NODE);
    }
  }

  private void raw(String symbol) throws IOException {
    OptionalLong address = objects.address(symbol);
    if (address.isPresent()) {
      KernelObject info = objects.at("raw_hashinfo", address.getAsLong());
      long count = objects.types().length("raw_hashinfo", "ht").orElse(256);
      buckets("raw", info.at("ht"), count, memory.wordBytes(), 0, NODE);
    }
  }

  private void ping() throws IOException {
    OptionalLong table = objects.address("ping_table");
    if (table.isPresent()) {
      buckets("ping", table.getAsLong(), PING_BUCKETS, memory.wordBytes(), 0, NODE);
    }
  }

  /** {@code nl_table} points to an array, one rhashtable for each protocol. */
  private void netlink() throws IOException {
    OptionalLong pointer = objects.address("nl_table");
    long size = objects.types().size("netlink_table").orElse(0);
    if (pointer.isEmpty() || size == 0) {
      return;
    }
    long first = memory.word(pointer.getAsLong());
    for (int protocol = 0; protocol < MAX_LINKS; protocol++) {
      KernelObject table = objects.at("netlink_table", first + protocol * size);
      KernelObject buckets = objects.at("bucket_table", table.number("hash.tbl"));
      for (int growth = 0; buckets.address() != 0 && growth < 8; growth++) {
        if (buckets.number("nest") != 0) {
          note("netlink sockets of protocol %d: a nested table".formatted(protocol));
        } else {
          long count = buckets.number("size");
          buckets("netlink", buckets.at("buckets"), count, memory.wordBytes(), 0, "node");
        }
        buckets = objects.at("bucket_table", buckets.number("future_tbl"));
      }
    }
  }

  private void buckets(String what, long table, long count, long size, long head, String node)
      throws IOException {
    if (count > MOST_BUCKETS) {
      note("%s sockets: a table of %d chains is none".formatted(what, count));
      return;
    }
    for (long i = 0; i < count; i++) {
      if (++steps > MOST_STEPS) {
        note("%s sockets: there is too much to walk through, the rest is left out".formatted(what));
        return;
      }
      chain(what, table + i * size + head, node);
    }
  }

  /** {@code node}: in a {@code netlink_sock} or a {@code sock}, which begin alike. */
  private void chain(String what, long head, String node) throws IOException {
    boolean netlink = node.equals("node");
    long offset = objects.at(netlink ? "netlink_sock" : "sock", 0).at(node);
    Set<Long> seen = new LinkedHashSet<>();
    try {
      long at = memory.word(head);
      if (netlink) {
        at &= -2; // bit 0 of the head is a lock
      }
      while (at != 0 && (at & 1) == 0) {
        if (!seen.add(at)) {
          note("%s sockets: a chain comes back to 0x%x".formatted(what, at));
          return;
        }
        if (++steps > MOST_STEPS) {
          return; // the next chain says so
        }
        if (sockets.size() >= MOST_SOCKETS) {
          note("more than %d sockets: the others are left out".formatted(MOST_SOCKETS));
          return;
        }
        long next = memory.word(at);
        sockets.add(at - offset);
        at = next;
      }
    } catch (UnmappedAddressException outside) {
      note("%s sockets: a chain leads to 0x%x, where no RAM is".formatted(what, outside.address()));
    }
  }
}
