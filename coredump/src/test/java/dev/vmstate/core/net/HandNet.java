package dev.vmstate.core.net;

import static dev.vmstate.core.objects.HandKernel.DIRECT;

import dev.vmstate.core.objects.HandKernel;
import dev.vmstate.core.objects.KernelObject;
import java.util.List;
import java.util.Map;

/** A network with TCP, UDP and UNIX sockets, put together by hand, as Linux 6.1 has them. */
final class HandNet {
  static final long NET = DIRECT + 0x20_0000;
  private static final long HASHINFO = DIRECT + 0x21_0000;
  static final long ESTABLISHED = DIRECT + 0x22_0000;
  private static final long LISTENING = DIRECT + 0x23_0000;
  private static final long UDP = DIRECT + 0x24_0000;
  private static final long UNIX = DIRECT + 0x25_0000;
  private static final String C = "__sk_common.";

  private final HandKernel kernel = new HandKernel();
  private long next = DIRECT + 0x40_0000;

  HandNet() {
    common("sock_common", "");
    common("sock", C);
    kernel
        .type("net", 0x400)
        .member("net", "ns.inum", 0, 4)
        .member("net", "ipv4.tcp_death_row.hashinfo", 8, 8)
        .member("net", "unx.table.buckets", 16, 8)
        .member("net", "packet.sklist", 24, 8)
        .type("inet_hashinfo", 64)
        .member("inet_hashinfo", "ehash", 0, 8)
        .member("inet_hashinfo", "ehash_mask", 8, 4)
        .member("inet_hashinfo", "lhash2_mask", 12, 4)
        .member("inet_hashinfo", "lhash2", 16, 8)
        .type("inet_ehash_bucket", 8)
        .type("inet_listen_hashbucket", 16)
        .member("inet_listen_hashbucket", "nulls_head", 8, 8)
        .type("udp_table", 32)
        .member("udp_table", "hash", 0, 8)
        .member("udp_table", "mask", 16, 4)
        .type("udp_hslot", 16)
        .member("udp_hslot", "head", 0, 8)
        .symbol("udp_table", UDP)
        .member("sock", "sk_type", 200, 2)
        .member("sock", "sk_protocol", 202, 2)
        .member("sock", "sk_socket", 208, 8)
        .member("sock", "sk_backlog.rmem_alloc", 216, 4)
        .member("sock", "sk_wmem_alloc", 220, 4)
        .member("sock", "sk_ack_backlog", 224, 4)
        .type("tcp_sock", 0x200)
        .member("tcp_sock", "rcv_nxt", 256, 4)
        .member("tcp_sock", "copied_seq", 260, 4)
        .member("tcp_sock", "write_seq", 264, 4)
        .member("tcp_sock", "snd_una", 268, 4)
        .type("unix_sock", 0x200)
        .member("unix_sock", "addr", 256, 8)
        .member("unix_sock", "peer", 264, 8)
        .type("unix_address", 16)
        .member("unix_address", "len", 4, 4)
        .member("unix_address", "name", 8, 0)
        .type("socket", 64)
        .member("socket", "sk", 24, 8)
        .type("socket_alloc", 256)
        .member("socket_alloc", "socket", 0, 64)
        .member("socket_alloc", "vfs_inode", 64, 192)
        .member("inode", "i_ino", 8, 8)
        .member("inode", "i_uid", 16, 4)
        .member("file", "private_data", 0, 8)
        .member("file", "f_inode", 8, 8)
        .put(NET, "net", "ns.inum", 4026531840L)
        .put(NET, "net", "ipv4.tcp_death_row.hashinfo", HASHINFO)
        .put(NET, "net", "unx.table.buckets", UNIX)
        .put(HASHINFO, "inet_hashinfo", "ehash", ESTABLISHED)
        .put(HASHINFO, "inet_hashinfo", "ehash_mask", 3)
        .put(HASHINFO, "inet_hashinfo", "lhash2", LISTENING)
        .put(HASHINFO, "inet_hashinfo", "lhash2_mask", 1)
        .put(UDP, "udp_table", "hash", UDP + 64)
        .put(UDP, "udp_table", "mask", 1);
    for (int i = 0; i < 4; i++) {
      kernel.word(ESTABLISHED + 8L * i, 2L * i + 1);
    }
    for (int i = 0; i < 2; i++) {
      kernel.word(LISTENING + 16L * i + 8, 2L * i + 1);
    }
  }

  private void common(String type, String prefix) {
    kernel
        .type(type, 0x200)
        .member(type, prefix + "skc_daddr", 0, 4)
        .member(type, prefix + "skc_rcv_saddr", 4, 4)
        .member(type, prefix + "skc_dport", 12, 2)
        .member(type, prefix + "skc_num", 14, 2)
        .member(type, prefix + "skc_family", 16, 2)
        .member(type, prefix + "skc_state", 18, 1)
        .member(type, prefix + "skc_net", 48, 8)
        .member(type, prefix + "skc_v6_daddr", 56, 16)
        .member(type, prefix + "skc_v6_rcv_saddr", 72, 16)
        .member(type, prefix + "skc_node", 104, 16);
  }

  HandKernel kernel() {
    return kernel;
  }

  NetNamespaces namespaces() {
    KernelObject net = kernel.objects().at("net", NET);
    return new NetNamespaces(
        List.of(new NetNamespace(net, 4026531840L, Map.of(1, "init"))), List.of());
  }

  /** With an inode of that number; of IPv4 when {@code family} is 2. */
  long sock(int family, int type, int protocol, int state, long inode) {
    long at = next += 0x400;
    long socket = next += 0x400;
    kernel
        .put(at, "sock", C + "skc_family", family)
        .put(at, "sock", C + "skc_state", state)
        .put(at, "sock", C + "skc_net", NET)
        .put(at, "sock", "sk_type", type)
        .put(at, "sock", "sk_protocol", protocol)
        .put(at, "sock", "sk_socket", socket)
        .put(at, "sock", "sk_wmem_alloc", 1)
        .put(socket, "socket", "sk", at)
        .put(socket + 64, "inode", "i_ino", inode)
        .put(socket + 64, "inode", "i_uid", 1000);
    return at;
  }

  /** Ports as people say them; addresses 127.0.0.1. */
  HandNet ends(long sock, int local, int remote) {
    kernel
        .put(sock, "sock", C + "skc_num", local)
        .put(sock, "sock", C + "skc_dport", (remote & 0xff) << 8 | remote >> 8)
        .put(sock, "sock", C + "skc_rcv_saddr", 0x0100007f)
        .put(sock, "sock", C + "skc_daddr", remote == 0 ? 0 : 0x0100007f);
    return this;
  }

  /** A chain of sockets, with {@code last} behind them. */
  HandNet chain(long head, long last, long... socks) {
    long at = head;
    for (long sock : socks) {
      kernel.word(at, sock + 104);
      at = sock + 104;
    }
    kernel.word(at, last);
    return this;
  }

  HandNet established(int bucket, long... socks) {
    return chain(ESTABLISHED + 8L * bucket, 2L * bucket + 1, socks);
  }

  HandNet listening(int bucket, long... socks) {
    return chain(LISTENING + 16L * bucket + 8, 2L * bucket + 1, socks);
  }

  HandNet udp(int bucket, long... socks) {
    return chain(UDP + 64 + 16L * bucket, 0, socks);
  }

  HandNet unix(int bucket, long... socks) {
    return chain(UNIX + 8L * bucket, 0, socks);
  }

  /** {@code path} may begin with a NUL. */
  HandNet named(long sock, String path) {
    long address = next += 0x400;
    kernel
        .put(sock, "unix_sock", "addr", address)
        .put(address, "unix_address", "len", 2 + path.length())
        .bytes(address + 10, path.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
    return this;
  }

  /** A {@code struct file} of the socket. */
  long file(long sock) {
    long at = next += 0x400;
    long socket = sock + 0x400;
    kernel.put(at, "file", "private_data", socket).put(at, "file", "f_inode", socket + 64);
    return at;
  }
}
