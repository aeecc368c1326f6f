package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.files.FileOwners.Owner;
import dev.vmstate.core.net.GuestSocket;
import dev.vmstate.core.net.Interface;
import dev.vmstate.core.net.Interfaces;
import dev.vmstate.core.net.NetNamespace;
import dev.vmstate.nic.Nic;
import java.util.List;
import java.util.Optional;

/** Interfaces and sockets as JSON. */
final class NetJson {
  private NetJson() {}

  static ObjectNode of(
      NetNamespace namespace, Interfaces interfaces, GuestNet net, List<Nic> nics) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("inode", namespace.inode());
    ArrayNode pids = node.putArray("pids");
    namespace.processes().keySet().forEach(pids::add);
    ArrayNode all = node.putArray("interfaces");
    interfaces.all().forEach(each -> all.add(of(each, nics)));
    ArrayNode sockets = node.putArray("sockets");
    for (GuestSocket socket : net.sockets()) {
      if (socket.net() == namespace.net().address()) {
        sockets.add(of(socket));
      }
    }
    return node;
  }

  /** The card of the snapshot an interface is: by PCI address, else by its MAC address. */
  static Optional<Nic> card(Interface each, List<Nic> nics) {
    Optional<Nic> there =
        each.pci()
            .flatMap(
                pci -> nics.stream().filter(nic -> nic.id().startsWith(pci + "/")).findFirst());
    if (there.isPresent() || each.device().isEmpty()) {
      return there;
    }
    Optional<String> mac = each.permanentMac().or(each::mac);
    return nics.stream()
        .filter(nic -> mac.isPresent() && nic.mac().map(Object::toString).equals(mac))
        .findFirst();
  }

  private static ObjectNode of(Interface each, List<Nic> nics) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("index", each.index());
    node.put("name", GuestText.json(each.name()));
    each.flags().forEach(node.putArray("flags")::add);
    node.put("mtu", each.mtu());
    node.put("state", each.state());
    node.put("carrier", each.carrier());
    node.put("type", each.type());
    node.put("mac", each.mac().orElse(null));
    node.put("permanentMac", each.permanentMac().orElse(null));
    node.put("kind", each.kind().map(GuestText::json).orElse(null));
    node.put("driver", each.driver().map(GuestText::json).orElse(null));
    node.put("device", each.device().map(GuestText::json).orElse(null));
    node.put("pci", each.pci().map(GuestText::json).orElse(null));
    node.put("nic", card(each, nics).map(Nic::id).orElse(null));
    node.put("master", each.master().orElse(null));
    each.lower().forEach(node.putArray("lower")::add);
    ArrayNode addresses = node.putArray("addresses");
    for (Interface.Address address : each.addresses()) {
      ObjectNode one = addresses.addObject();
      one.put("family", address.family());
      one.put("address", address.address());
      one.put("prefix", address.prefix());
      one.put("scope", address.scope());
      one.put("broadcast", address.broadcast().orElse(null));
      one.put("label", address.label().map(GuestText::json).orElse(null));
      one.put("flags", address.flags());
    }
    return node;
  }

  static ObjectNode of(GuestSocket socket) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("protocol", socket.protocol());
    node.put("type", socket.type());
    node.put("state", socket.state());
    node.put("local", GuestText.json(socket.local()));
    node.put("remote", GuestText.json(socket.remote()));
    node.put("inode", socket.inode());
    node.put("uid", socket.uid());
    node.put("receiveQueue", socket.receiveQueue());
    node.put("sendQueue", socket.sendQueue());
    if (socket.peer() != 0) {
      node.put("peer", socket.peer());
    }
    ArrayNode owners = node.putArray("owners");
    for (Owner owner : socket.owners()) {
      owners.addObject().put("pid", owner.pid()).put("fd", owner.fd());
    }
    socket.foundBy().forEach(node.putArray("foundBy")::add);
    node.put("hidden", socket.hidden());
    return node;
  }
}
