package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.files.Mount;
import dev.vmstate.core.files.MountNamespace;
import dev.vmstate.core.files.Mounts;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.core.tasks.Tasks;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What the guest has mounted. */
@Command(
    name = "mounts",
    mixinStandardHelpOptions = true,
    description = {
      "Lists what is mounted in the guest, as its /proc/PID/mountinfo does.",
      "The mount and its parent, the file system's device number, what of it is mounted and",
      "where, seen from the process's root. Options that only some file systems know are",
      "not shown."
    },
    footer = {
      "",
      "Example:",
      "  vmstate mounts vm.mig",
      "  vmstate mounts vm.mig --pid 812 --json",
      "  vmstate mounts vm.mig --all"
    })
final class MountsCommand implements Callable<Integer> {
  @Mixin private LinuxArgument linux;
  @Mixin private Output output;
  @ArgGroup private @Nullable Whose whose;

  /** One process's, or everybody's. */
  private static final class Whose {
    @Option(
        names = "--pid",
        paramLabel = "N",
        description = "As that process sees it; default: init, process 1.")
    private @Nullable Integer pid;

    @Option(
        names = "--all",
        description = "All mount namespaces, each as one of its processes sees it.")
    private boolean all;
  }

  /** A namespace, and whose it is: their names by their numbers. */
  private record Seen(MountNamespace namespace, Map<Integer, String> processes) {}

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = linux.open()) {
      Tasks tasks = Tasks.of(linux.objects(opened, output));
      List<String> notes = new ArrayList<>(tasks.notes());
      List<Seen> seen = whose != null && whose.all ? all(tasks, notes) : one(opened, tasks);
      seen.forEach(each -> notes.addAll(each.namespace().notes()));
      if (output.json) {
        output.print(json(seen, notes));
      } else {
        seen.forEach(each -> print(each, whose != null && whose.all));
        notes.forEach(note -> output.err().println("vmstate: " + GuestText.line(note)));
      }
      return 0;
    }
  }

  private List<Seen> one(Snapshot opened, Tasks tasks) throws IOException {
    int pid = whose == null || whose.pid == null ? 1 : whose.pid;
    Task task =
        tasks
            .find(pid)
            .orElseThrow(
                () ->
                    new IOException(
                        "%s: no process %d in the guest".formatted(opened.source(), pid)));
    MountNamespace namespace =
        Mounts.of(task.object())
            .orElseThrow(
                () ->
                    new IOException(
                        "%s: process %d has exited: it sees no mounts"
                            .formatted(opened.source(), pid)));
    return List.of(new Seen(namespace, Map.of(task.tgid(), task.comm())));
  }

  private static List<Seen> all(Tasks tasks, List<String> notes) {
    Map<Long, Seen> seen = new LinkedHashMap<>();
    for (Task task : tasks.all()) {
      try {
        Optional<Long> inode = Mounts.namespace(task.object());
        if (inode.isEmpty()) {
          continue;
        }
        Seen known = seen.get(inode.get());
        Optional<MountNamespace> namespace =
            known == null ? Mounts.of(task.object()) : Optional.of(known.namespace());
        if (known == null && namespace.isPresent()) {
          known = new Seen(namespace.get(), new TreeMap<>());
          seen.put(inode.get(), known);
        }
        if (known != null) {
          known.processes().putIfAbsent(task.tgid(), task.comm());
        }
      } catch (IOException broken) {
        notes.add("mounts of task at 0x%x: %s".formatted(task.address(), broken.getMessage()));
      }
    }
    return List.copyOf(seen.values());
  }

  private void print(Seen seen, boolean named) {
    if (named) {
      Map.Entry<Integer, String> first = seen.processes().entrySet().iterator().next();
      output
          .out()
          .printf(
              "# mnt:[%d]: of %d process%s, first %d (%s)%n",
              seen.namespace().inode(),
              seen.processes().size(),
              seen.processes().size() == 1 ? "" : "es",
              first.getKey(),
              GuestText.line(first.getValue()));
    }
    TextTable table =
        new TextTable(
            "ID",
            "PARENT",
            "DEV",
            "ROOT",
            "MOUNTED ON",
            "OPTIONS",
            "SHARED",
            "TYPE",
            "SOURCE",
            "FILE SYSTEM");
    for (Mount mount : seen.namespace().mounts()) {
      table.add(
          mount.id(),
          mount.parent(),
          Mount.major(mount.device()) + ":" + Mount.minor(mount.device()),
          GuestText.word(mount.root()),
          GuestText.word(mount.point()),
          String.join(",", mount.options()),
          mount.propagation().isEmpty() ? "-" : String.join(",", mount.propagation()),
          GuestText.word(mount.type()),
          GuestText.word(mount.source()),
          String.join(",", mount.superOptions()));
    }
    table.print(output.out());
  }

  private static ObjectNode json(List<Seen> seen, List<String> notes) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    ArrayNode namespaces = node.putArray("namespaces");
    for (Seen each : seen) {
      ObjectNode namespace = namespaces.addObject();
      namespace.put("inode", each.namespace().inode());
      ArrayNode pids = namespace.putArray("pids");
      each.processes().keySet().forEach(pids::add);
      ArrayNode mounts = namespace.putArray("mounts");
      each.namespace().mounts().forEach(mount -> mounts.add(json(mount)));
    }
    notes.forEach(node.putArray("notes")::add);
    return node;
  }

  private static ObjectNode json(Mount mount) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("id", mount.id());
    node.put("parent", mount.parent());
    node.put("major", Mount.major(mount.device()));
    node.put("minor", Mount.minor(mount.device()));
    node.put("root", GuestText.json(mount.root()));
    node.put("mountPoint", GuestText.json(mount.point()));
    mount.options().forEach(node.putArray("options")::add);
    mount.propagation().forEach(node.putArray("propagation")::add);
    node.put("type", GuestText.json(mount.type()));
    node.put("source", GuestText.json(mount.source()));
    mount.superOptions().forEach(node.putArray("superOptions")::add);
    return node;
  }
}
