package dev.vmstate.core.net;

import dev.vmstate.core.files.FileOwners;
import dev.vmstate.core.files.OpenFile;
import dev.vmstate.core.files.ProcessFiles;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * All sockets of a guest, found in two ways: in the kernel's tables, and as files of processes. One
 * that should be in a table and is only a file is marked; one that was made and never bound is in
 * none by right, as are those of families this reader has no tables of.
 *
 * @param all in the order of the tables, then those that only a process has
 * @param notes where a chain broke off, and sockets that could not be read
 */
public record Sockets(List<GuestSocket> all, List<String> notes) {
  public Sockets {
    all = List.copyOf(all);
    notes = List.copyOf(notes);
  }

  /** Of all namespaces; {@code processes} are those whose files are searched. */
  public static Sockets of(
      KernelObjects objects,
      NetNamespaces namespaces,
      List<ProcessFiles> processes,
      FileOwners owners)
      throws IOException {
    SocketTables tables = new SocketTables(objects);
    tables.readAll(namespaces.all());
    List<String> notes = new ArrayList<>(tables.notes());
    Set<Long> files = new HashSet<>();
    Set<Long> every = new LinkedHashSet<>(tables.sockets());
    for (ProcessFiles process : processes) {
      for (OpenFile file : process.files()) {
        long socket = file.isSocket() ? socket(file, process, notes) : 0;
        if (socket != 0) {
          files.add(socket);
          every.add(socket);
        }
      }
    }
    SocketReader reader = new SocketReader(objects);
    List<GuestSocket> all = new ArrayList<>();
    for (long address : every) {
      try {
        boolean inTable = tables.sockets().contains(address);
        all.add(socket(address, reader.read(address), inTable, files.contains(address), owners));
      } catch (IOException broken) {
        notes.add("socket at 0x%x: %s".formatted(address, broken.getMessage()));
      }
    }
    return new Sockets(all, notes);
  }

  private static long socket(OpenFile file, ProcessFiles process, List<String> notes) {
    try {
      KernelObject objects = file.file();
      long socket = objects.number("private_data");
      return socket == 0 ? 0 : objects.objects().at("socket", socket).number("sk");
    } catch (IOException broken) {
      notes.add(
          "socket %d of process %d: %s".formatted(file.fd(), process.pid(), broken.getMessage()));
      return 0;
    }
  }

  private static GuestSocket socket(
      long address, SocketReader.Facts facts, boolean inTable, boolean isFile, FileOwners owners) {
    List<String> foundBy = new ArrayList<>();
    if (inTable) {
      foundBy.add("table");
    }
    if (isFile) {
      foundBy.add("file");
    }
    return new GuestSocket(
        address,
        facts.net(),
        facts.protocol(),
        facts.type(),
        facts.stateName(),
        facts.local(),
        facts.remote(),
        facts.inode(),
        facts.uid(),
        facts.receiveQueue(),
        facts.sendQueue(),
        facts.peer(),
        facts.inodeAddress() == 0 ? List.of() : owners.of(facts.inodeAddress()),
        foundBy,
        !inTable && belongsInTable(facts));
  }

  /** A TCP socket is in a table when it listens or is connected, others when they have a name. */
  private static boolean belongsInTable(SocketReader.Facts facts) {
    return switch (facts.protocol()) {
      case "tcp", "tcp6" -> facts.state() != SocketReader.TCP_CLOSE && facts.state() < 13;
      case "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6" -> facts.bound();
      case "unix", "packet", "netlink" -> facts.bound();
      default -> false;
    };
  }
}
