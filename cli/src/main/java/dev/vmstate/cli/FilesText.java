package dev.vmstate.cli;

import dev.vmstate.core.files.FileOwners.Owner;
import dev.vmstate.core.files.OpenFile;
import dev.vmstate.core.files.OpenFlags;
import dev.vmstate.core.files.ProcessFiles;
import dev.vmstate.core.net.GuestSocket;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Open files for people, a line each, much as lsof prints them. */
final class FilesText {
  private static final String NOTHING = "-";

  private final GuestNet net;
  private final Map<Long, GuestSocket> sockets;
  private final boolean severalProcesses;

  FilesText(GuestNet net, boolean severalProcesses) {
    this.net = net;
    this.sockets = net.byInode();
    this.severalProcesses = severalProcesses;
  }

  void print(List<ProcessFiles> shown, List<MappedFiles> maps, PrintWriter out) throws IOException {
    if (!severalProcesses && !shown.isEmpty()) {
      out.printf("# %d (%s)%n", shown.get(0).pid(), GuestText.line(shown.get(0).comm()));
    }
    TextTable table =
        severalProcesses
            ? new TextTable("PID", "COMM", "FD", "TYPE", "RW", "POS", "SIZE", "LINKS", "NAME")
            : new TextTable("FD", "TYPE", "RW", "POS", "SIZE", "LINKS", "NAME");
    for (int i = 0; i < shown.size(); i++) {
      ProcessFiles process = shown.get(i);
      place(table, process, "cwd", process.cwd());
      place(table, process, "root", process.root());
      place(table, process, "exe", process.exe());
      for (OpenFile file : process.files()) {
        file(table, process, file);
      }
      if (!maps.isEmpty()) {
        maps.get(i).names().forEach(name -> place(table, process, "map", Optional.of(name)));
      }
    }
    table.print(out);
  }

  private void place(TextTable table, ProcessFiles process, String what, Optional<String> name) {
    if (name.isPresent()) {
      row(table, process, what, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, name.get());
    }
  }

  private void file(TextTable table, ProcessFiles process, OpenFile file) throws IOException {
    boolean sized = file.type().equals("REG") || file.type().equals("DIR");
    StringBuilder name = new StringBuilder(file.name());
    for (Owner other : net.owners().of(file)) {
      if (other.pid() != process.thread() || other.fd() != file.fd()) {
        name.append(" %d:%d%s".formatted(other.pid(), other.fd(), other.access()));
      }
    }
    GuestSocket socket = file.isSocket() ? sockets.get(file.inode()) : null;
    if (socket != null) {
      Optional<GuestSocket> peer = Optional.ofNullable(sockets.get(socket.peer()));
      name.append(' ').append(GuestNet.line(socket, peer));
    }
    row(
        table,
        process,
        file.fd() + (OpenFlags.names(file.flags()).contains("O_CLOEXEC") ? "c" : ""),
        GuestText.word(file.type()),
        new Owner(0, 0, file.readable(), file.writable()).access(),
        sized ? Long.toString(file.position()) : NOTHING,
        sized ? Long.toString(file.size()) : NOTHING,
        Long.toString(file.links()),
        name.toString());
  }

  private void row(TextTable table, ProcessFiles process, String... words) {
    List<Object> row = new ArrayList<>();
    if (severalProcesses) {
      row.add(process.thread());
      row.add(GuestText.word(process.comm()));
    }
    for (int i = 0; i < words.length; i++) {
      row.add(i == words.length - 1 ? GuestText.line(words[i]) : words[i]);
    }
    table.add(row.toArray());
  }
}
