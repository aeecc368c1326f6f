package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.files.FileOwners.Owner;
import dev.vmstate.core.files.Mount;
import dev.vmstate.core.files.OpenFile;
import dev.vmstate.core.files.OpenFlags;
import dev.vmstate.core.files.ProcessFiles;
import dev.vmstate.core.net.GuestSocket;
import java.io.IOException;
import java.util.Map;

/** Open files as JSON. */
final class FilesJson {
  private final GuestNet net;
  private final Map<Long, GuestSocket> sockets;

  FilesJson(GuestNet net) {
    this.net = net;
    this.sockets = net.byInode();
  }

  ObjectNode of(ProcessFiles process) throws IOException {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("pid", process.pid());
    node.put("tid", process.thread());
    node.put("comm", GuestText.json(process.comm()));
    node.put("exe", process.exe().map(GuestText::json).orElse(null));
    node.put("cwd", process.cwd().map(GuestText::json).orElse(null));
    node.put("root", process.root().map(GuestText::json).orElse(null));
    ArrayNode files = node.putArray("files");
    for (OpenFile file : process.files()) {
      files.add(of(file, process.thread()));
    }
    return node;
  }

  private ObjectNode of(OpenFile file, int holder) throws IOException {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("fd", file.fd());
    node.put("type", GuestText.json(file.type()));
    node.put("name", GuestText.json(file.name()));
    node.put("readable", file.readable());
    node.put("writable", file.writable());
    node.put("flags", file.flags());
    OpenFlags.names(file.flags()).forEach(node.putArray("flagNames")::add);
    node.put("position", file.position());
    node.put("mountId", file.mount());
    node.put("device", Mount.major(file.device()) + ":" + Mount.minor(file.device()));
    if (file.special() != 0) {
      node.put("special", Mount.major(file.special()) + ":" + Mount.minor(file.special()));
    }
    node.put("inode", file.inode());
    node.put("size", file.size());
    node.put("links", file.links());
    node.put("deleted", file.deleted());
    ArrayNode others = JsonNodeFactory.instance.arrayNode();
    for (Owner other : net.owners().of(file)) {
      if (other.pid() != holder || other.fd() != file.fd()) {
        ObjectNode with = others.addObject();
        with.put("pid", other.pid());
        with.put("fd", other.fd());
        with.put("access", other.access());
      }
    }
    if (!others.isEmpty()) {
      node.set("sharedWith", others);
    }
    GuestSocket socket = file.isSocket() ? sockets.get(file.inode()) : null;
    if (socket != null) {
      node.set("socket", NetJson.of(socket));
    }
    return node;
  }
}
