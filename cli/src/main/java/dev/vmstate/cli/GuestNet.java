package dev.vmstate.cli;

import dev.vmstate.core.files.FileOwners;
import dev.vmstate.core.files.ProcessFiles;
import dev.vmstate.core.net.GuestSocket;
import dev.vmstate.core.net.NetNamespaces;
import dev.vmstate.core.net.Sockets;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.tasks.Tasks;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Everything that sockets are asked of: processes, their files, namespaces.
 *
 * @param notes what is missing, and why
 */
record GuestNet(
    Tasks tasks,
    List<ProcessFiles> processes,
    FileOwners owners,
    NetNamespaces namespaces,
    List<GuestSocket> sockets,
    List<String> notes) {
  /** Open files of all processes together; more do not fit into the memory this program has. */
  private static final int MOST_FILES = 1 << 18;

  static GuestNet of(KernelObjects objects) throws IOException {
    Tasks tasks = Tasks.of(objects);
    List<String> notes = new ArrayList<>(tasks.notes());
    List<ProcessFiles> processes = processes(tasks, notes);
    FileOwners owners = new FileOwners();
    for (ProcessFiles process : processes) {
      owners.add(process);
    }
    NetNamespaces namespaces = new NetNamespaces(List.of(), List.of());
    List<GuestSocket> sockets = List.of();
    try {
      namespaces = NetNamespaces.of(objects, tasks);
      Sockets found = Sockets.of(objects, namespaces, processes, owners);
      sockets = found.all();
      notes.addAll(namespaces.notes());
      notes.addAll(found.notes());
    } catch (IOException broken) {
      notes.add("sockets: " + broken.getMessage());
    }
    return new GuestNet(tasks, processes, owners, namespaces, sockets, notes);
  }

  private static List<ProcessFiles> processes(Tasks tasks, List<String> notes) {
    List<ProcessFiles> all = new ArrayList<>();
    int[] left = {MOST_FILES, 0};
    tasks
        .processes()
        .forEach(
            (number, threads) -> {
              if (left[0] < 0) {
                left[1]++;
                return;
              }
              try {
                for (ProcessFiles files : ProcessFiles.of(threads)) {
                  left[0] -= 1 + files.files().size();
                  all.add(files);
                }
              } catch (IOException broken) {
                notes.add("files of process %d: %s".formatted(number, broken.getMessage()));
              }
            });
    if (left[1] > 0) {
      notes.add(
          "more than %d open files: %d processes are left out".formatted(MOST_FILES, left[1]));
    }
    return all;
  }

  /** By the number in {@code socket:[1234]}. */
  Map<Long, GuestSocket> byInode() {
    Map<Long, GuestSocket> all = new HashMap<>();
    sockets.stream().filter(s -> s.inode() != 0).forEach(s -> all.putIfAbsent(s.inode(), s));
    return all;
  }

  /** {@code tcp 127.0.0.1:22 -> 127.0.0.1:4711 ESTABLISHED}. */
  static String line(GuestSocket socket, Optional<GuestSocket> peer) {
    StringBuilder text = new StringBuilder(socket.protocol());
    if (!socket.local().isEmpty()) {
      text.append(' ').append(socket.local());
    }
    if (!socket.remote().isEmpty()) {
      text.append(" -> ").append(socket.remote());
    }
    if (peer.isPresent()) {
      text.append(" -> socket:[%d]".formatted(peer.get().inode()));
      peer.get().owners().forEach(o -> text.append(" %d:%d".formatted(o.pid(), o.fd())));
    }
    return text.append(' ').append(socket.state()).toString();
  }
}
