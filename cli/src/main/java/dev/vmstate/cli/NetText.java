package dev.vmstate.cli;

import dev.vmstate.core.net.GuestSocket;
import dev.vmstate.core.net.Interface;
import dev.vmstate.core.net.Interfaces;
import dev.vmstate.core.net.NetNamespace;
import dev.vmstate.nic.Nic;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Interfaces and sockets for people. */
final class NetText {
  private final GuestNet net;
  private final List<Nic> nics;
  private final Map<Long, GuestSocket> byInode;
  private final PrintWriter out;

  NetText(GuestNet net, List<Nic> nics, PrintWriter out) {
    this.net = net;
    this.nics = nics;
    this.byInode = net.byInode();
    this.out = out;
  }

  void print(NetNamespace namespace, Interfaces interfaces, boolean named) {
    if (named) {
      String who =
          namespace.processes().entrySet().stream()
              .findFirst()
              .map(first -> "first %d (%s)".formatted(first.getKey(), first.getValue()))
              .orElse("kept by a file or a mount");
      out.printf(
          "# net:[%d]: processes: %d, %s%n",
          namespace.inode(), namespace.processes().size(), GuestText.line(who));
    }
    for (Interface each : interfaces.all()) {
      print(each);
    }
    TextTable table =
        new TextTable("PROTO", "TYPE", "STATE", "RECV", "SEND", "UID", "INODE", "SOCKET", "OWNERS");
    for (GuestSocket socket : net.sockets()) {
      if (socket.net() == namespace.net().address()) {
        row(table, socket);
      }
    }
    table.print(out);
    if (named) {
      out.println();
    }
  }

  private void print(Interface each) {
    out.printf(
        "%d: %s: <%s> mtu %d state %s%s%s%n",
        each.index(),
        GuestText.line(each.name()),
        String.join(",", each.flags()),
        each.mtu(),
        each.state(),
        each.kind().map(kind -> " " + GuestText.line(kind)).orElse(""),
        each.master().map(" master %d"::formatted).orElse(""));
    if (each.mac().isPresent()) {
      boolean changed = each.permanentMac().isPresent() && !each.permanentMac().equals(each.mac());
      out.printf(
          "    link %s%s%s%n",
          each.mac().get(), changed ? " permanent " + each.permanentMac().get() : "", card(each));
    }
    for (Interface.Address address : each.addresses()) {
      out.printf(
          "    %s %s/%d%s scope %s%n",
          address.family(),
          address.address(),
          address.prefix(),
          address.broadcast().map(" brd "::concat).orElse(""),
          address.scope());
    }
  }

  private String card(Interface each) {
    String on =
        each.device().map(device -> " on " + GuestText.line(device)).orElse("")
            + each.driver().map(driver -> " (%s)".formatted(GuestText.line(driver))).orElse("");
    return on + NetJson.card(each, nics).map(nic -> ": card " + nic.id()).orElse("");
  }

  private void row(TextTable table, GuestSocket socket) {
    Optional<GuestSocket> peer = Optional.ofNullable(byInode.get(socket.peer()));
    String owners =
        socket.owners().stream()
            .map(owner -> owner.pid() + ":" + owner.fd())
            .collect(Collectors.joining(" "));
    String name =
        socket.remote().isEmpty() ? socket.local() : socket.local() + " -> " + socket.remote();
    String ends = name + peer.map(other -> " -> [%d]".formatted(other.inode())).orElse("");
    table.add(
        socket.protocol(),
        socket.type(),
        socket.hidden() ? socket.state() + " HIDDEN" : socket.state(),
        socket.receiveQueue(),
        socket.sendQueue(),
        socket.uid(),
        socket.inode(),
        ends.isEmpty() ? "-" : GuestText.line(ends.strip()),
        owners.isEmpty() ? "-" : owners);
  }
}
