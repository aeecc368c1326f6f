package dev.vmstate.core.net;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/**
 * What one {@code struct sock} says of itself. Those in time-wait, and connections that are not yet
 * accepted, are smaller structures that begin as a {@code sock} does. Source: include/net/sock.h,
 * the functions that print {@code /proc/net}.
 */
final class SocketReader {
  static final int AF_UNIX = 1;
  static final int AF_INET = 2;
  static final int AF_INET6 = 10;
  static final int AF_NETLINK = 16;
  static final int AF_PACKET = 17;

  static final int TCP_ESTABLISHED = 1;
  static final int TCP_TIME_WAIT = 6;
  static final int TCP_CLOSE = 7;
  static final int TCP_LISTEN = 10;
  static final int TCP_NEW_SYN_RECV = 12;

  /** {@code enum} of include/net/tcp_states.h. */
  private static final String[] STATES = {
    "UNKNOWN", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECV", "BOUND_INACTIVE"
  };

  private static final Map<Integer, String> PROTOCOLS =
      Map.of(1, "icmp", 6, "tcp", 17, "udp", 58, "icmp", 132, "sctp", 136, "udplite", 262, "mptcp");

  private static final String[] TYPES = {"0", "stream", "dgram", "raw", "rdm", "seqpacket", "dccp"};

  private static final int RAW = 3;

  /** {@code UNIX_PATH_MAX} and the family before it. */
  private static final int MOST_NAME = 110;

  private final KernelObjects objects;
  private long running = -1;

  SocketReader(KernelObjects objects) {
    this.objects = objects;
  }

  /** Everything but where it was found and who has it. */
  record Facts(
      long net,
      int family,
      String protocol,
      String type,
      int state,
      String local,
      String remote,
      long inodeAddress,
      long inode,
      long uid,
      long receiveQueue,
      long sendQueue,
      long peer,
      boolean bound) {
    String stateName() {
      if (family == AF_PACKET) {
        return state == 1 ? "RUNNING" : "STOPPED";
      }
      return state < STATES.length ? STATES[state] : Integer.toString(state);
    }
  }

  Facts read(long address) throws IOException {
    KernelObject common = objects.at("sock_common", address);
    int state = (int) common.number("skc_state");
    int family = (int) common.number("skc_family");
    boolean internet = family == AF_INET || family == AF_INET6;
    if (internet && (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)) {
      return facts(common, "tcp" + (family == AF_INET6 ? "6" : ""), "stream", Names.of(common));
    }
    KernelObject sock = objects.at("sock", address);
    int type = (int) sock.number("sk_type");
    int number = (int) sock.number("sk_protocol");
    Names names =
        switch (family) {
          case AF_INET, AF_INET6 -> Names.of(common);
          case AF_UNIX -> unix(address);
          case AF_PACKET -> packet(address);
          case AF_NETLINK -> netlink(address, number);
          default -> new Names("", "", false);
        };
    String protocol =
        switch (family) {
          case AF_INET, AF_INET6 ->
              (type == RAW ? "raw" : PROTOCOLS.getOrDefault(number, "ip" + number))
                  + (family == AF_INET6 ? "6" : "");
          case AF_UNIX -> "unix";
          case AF_PACKET -> "packet";
          case AF_NETLINK -> "netlink";
          default -> "family " + family;
        };
    Facts facts =
        facts(common, protocol, type < TYPES.length ? TYPES[type] : Integer.toString(type), names);
    return withSock(sock, facts, number);
  }

  private static Facts facts(KernelObject common, String protocol, String type, Names names)
      throws IOException {
    return new Facts(
        common.number("skc_net"),
        (int) common.number("skc_family"),
        protocol,
        type,
        (int) common.number("skc_state"),
        names.local(),
        names.remote(),
        0,
        0,
        0,
        0,
        0,
        0,
        names.bound());
  }

  private Facts withSock(KernelObject sock, Facts facts, int number) throws IOException {
    long inodeAddress = 0;
    long inode = 0;
    long uid = 0;
    Optional<KernelObject> socket = sock.follow("sk_socket", "socket");
    if (socket.isPresent()) {
      KernelObject at =
          socket.get().container("socket_alloc", "socket").inside("vfs_inode", "inode");
      inodeAddress = at.address();
      inode = at.number("i_ino");
      uid = at.number("i_uid");
    }
    boolean tcp = facts.family() != AF_UNIX && facts.type().equals("stream") && number == 6;
    long receive = sock.signed("sk_backlog.rmem_alloc");
    long send = sock.number("sk_wmem_alloc") - 1;
    int state = facts.state();
    if (tcp) {
      KernelObject tcpSock = sock.as("tcp_sock");
      receive =
          state == TCP_LISTEN
              ? sock.number("sk_ack_backlog")
              : Math.max((int) (tcpSock.number("rcv_nxt") - tcpSock.number("copied_seq")), 0);
      send = (int) (tcpSock.number("write_seq") - tcpSock.number("snd_una"));
    } else if (facts.protocol().startsWith("udp") && sock.as("udp_sock").has("forward_deficit")) {
      receive -= sock.as("udp_sock").signed("forward_deficit");
    }
    if (facts.family() == AF_PACKET) {
      KernelObject packet = sock.as("packet_sock");
      state =
          packet.has("running")
              ? (int) packet.number("running") & 1
              : (int) (packet.number("flags") >> running() & 1);
    }
    return new Facts(
        facts.net(),
        facts.family(),
        facts.protocol(),
        facts.type(),
        state,
        facts.local(),
        facts.remote(),
        inodeAddress,
        inode,
        uid,
        receive,
        send,
        facts.family() == AF_UNIX ? peer(sock) : 0,
        facts.bound());
  }

  /** {@code PACKET_SOCK_RUNNING}, a bit among others where it is no member of its own. */
  private long running() {
    if (running < 0) {
      running = objects.types().enumerator("PACKET_SOCK_RUNNING").orElse(4) & 63;
    }
    return running;
  }

  /** Inode of the other end. */
  private static long peer(KernelObject sock) throws IOException {
    Optional<KernelObject> peer = sock.as("unix_sock").follow("peer", "sock");
    Optional<KernelObject> socket =
        peer.isEmpty() ? peer : peer.get().follow("sk_socket", "socket");
    return socket.isEmpty()
        ? 0
        : socket
            .get()
            .container("socket_alloc", "socket")
            .inside("vfs_inode", "inode")
            .number("i_ino");
  }

  /** Both ends, and whether the socket has a place in a table by its own. */
  private record Names(String local, String remote, boolean bound) {
    static Names of(KernelObject common) throws IOException {
      boolean six = common.number("skc_family") == AF_INET6;
      long localPort = common.number("skc_num");
      long remotePort = swapped(common.number("skc_dport"));
      String local =
          six
              ? "[" + InternetAddress.v6(common, "skc_v6_rcv_saddr") + "]"
              : InternetAddress.v4(common, "skc_rcv_saddr");
      String remote =
          six
              ? "[" + InternetAddress.v6(common, "skc_v6_daddr") + "]"
              : InternetAddress.v4(common, "skc_daddr");
      boolean connected = remotePort != 0 || !remote.equals("0.0.0.0") && !remote.equals("[::]");
      return new Names(
          local + ":" + localPort, connected ? remote + ":" + remotePort : "", localPort != 0);
    }
  }

  private static long swapped(long port) {
    return (port & 0xff) << 8 | port >> 8;
  }

  private Names unix(long address) throws IOException {
    KernelObject sock = objects.at("unix_sock", address);
    Optional<KernelObject> bound = sock.follow("addr", "unix_address");
    if (bound.isEmpty()) {
      return new Names("", "", true);
    }
    long length = Math.min(bound.get().number("len"), MOST_NAME) - 2;
    if (length <= 0) {
      return new Names("", "", true);
    }
    byte[] bytes = objects.memory().bytes(bound.get().at("name") + 2, (int) length);
    String name = new String(bytes, StandardCharsets.ISO_8859_1);
    int end = name.indexOf('\0');
    boolean isAbstract = end == 0;
    return new Names(
        isAbstract ? name.replace('\0', '@') : end < 0 ? name : name.substring(0, end), "", true);
  }

  private Names packet(long address) throws IOException {
    KernelObject sock = objects.at("packet_sock", address);
    long protocol = swapped(sock.number("num"));
    long index = sock.signed("ifindex");
    String local = "0x%04x".formatted(protocol) + (index > 0 ? " if " + index : "");
    return new Names(local, "", true);
  }

  private Names netlink(long address, int protocol) throws IOException {
    KernelObject sock = objects.at("netlink_sock", address);
    long port = sock.number("portid");
    boolean bound = sock.has("bound") ? sock.number("bound") != 0 : port != 0;
    return new Names("%s:%d".formatted(netlinkName(protocol), port), "", bound || port != 0);
  }

  /** include/uapi/linux/netlink.h. */
  private static String netlinkName(int protocol) {
    return switch (protocol) {
      case 0 -> "route";
      case 2 -> "usersock";
      case 4 -> "sock_diag";
      case 5 -> "nflog";
      case 6 -> "xfrm";
      case 7 -> "selinux";
      case 9 -> "audit";
      case 10 -> "fib_lookup";
      case 11 -> "connector";
      case 12 -> "netfilter";
      case 15 -> "uevent";
      case 16 -> "generic";
      case 18 -> "scsitransport";
      case 20 -> "rdma";
      case 21 -> "crypto";
      default -> Integer.toString(protocol);
    };
  }
}
