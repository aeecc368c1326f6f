package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.files.ProcessFiles;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.core.tasks.Tasks;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What the guest's processes have open. */
@Command(
    name = "files",
    mixinStandardHelpOptions = true,
    description = {
      "Lists the files the guest's processes have open, as lsof does there.",
      "Number (with c: closed by exec), type, access, position, size, links, names. Pipes",
      "name the others that have them open as PID:NUMBER and access, sockets their",
      "addresses. --json has flags, inodes and devices as well."
    },
    footer = {
      "",
      "Example:",
      "  vmstate files vm.mig --pid 812",
      "  vmstate files vm.mig --pid 812 --mapped",
      "  vmstate files vm.mig --json"
    })
final class FilesCommand implements Callable<Integer> {
  @Mixin private LinuxArgument linux;
  @Mixin private Output output;

  @Option(names = "--pid", paramLabel = "N", description = "Of one process; default: of all.")
  private @Nullable Integer pid;

  @Option(names = "--mapped", description = "Also the files that are mapped into memory.")
  private boolean mapped;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = linux.open()) {
      GuestNet net = GuestNet.of(linux.objects(opened, output));
      Tasks tasks = net.tasks();
      List<String> notes = new ArrayList<>(net.notes());
      List<ProcessFiles> shown = net.processes();
      if (pid != null) {
        Task asked = tasks.find(pid).orElseThrow(() -> noProcess(opened));
        int process = asked.tgid();
        shown = net.processes().stream().filter(files -> files.pid() == process).toList();
      }
      List<MappedFiles> maps = mapped ? MappedFiles.of(tasks, shown, notes) : List.of();
      for (ProcessFiles process : shown) {
        process.notes().forEach(note -> notes.add("process %d: %s".formatted(process.pid(), note)));
      }
      if (output.json) {
        output.print(json(shown, maps, net, notes));
      } else {
        new FilesText(net, shown.size() > 1).print(shown, maps, output.out());
        notes.forEach(note -> output.err().println("vmstate: " + GuestText.line(note)));
      }
      return 0;
    }
  }

  private IOException noProcess(Snapshot opened) {
    return new IOException("%s: no process %d in the guest".formatted(opened.source(), pid));
  }

  private static ObjectNode json(
      List<ProcessFiles> shown, List<MappedFiles> maps, GuestNet net, List<String> notes)
      throws IOException {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    ArrayNode processes = node.putArray("processes");
    FilesJson files = new FilesJson(net);
    for (int i = 0; i < shown.size(); i++) {
      ObjectNode process = files.of(shown.get(i));
      if (!maps.isEmpty()) {
        process.set("mapped", maps.get(i).json());
      }
      processes.add(process);
    }
    notes.forEach(node.putArray("notes")::add);
    return node;
  }
}
