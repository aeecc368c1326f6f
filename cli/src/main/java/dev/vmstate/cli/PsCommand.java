package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.PerCpu;
import dev.vmstate.core.tasks.GuestClock;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.core.tasks.TaskFacts;
import dev.vmstate.core.tasks.Tasks;
import dev.vmstate.core.tasks.UserStrings;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What runs in the guest. */
@Command(
    name = "ps",
    mixinStandardHelpOptions = true,
    description = {
      "Lists the processes of a Linux guest, as its own ps would.",
      "They are looked for in the task list, the pid table and the run queues: IN has a letter",
      "(T, P, R) for each that has one, and ! where one is missing: the process is hidden, or",
      "just being made or taken away. CPU is where it runs or ran last; VSZ and RSS are in KiB;",
      "START is UTC; NSPID its number in a container. [NAME] is a thread of the kernel, or a",
      "process without arguments."
    },
    footer = {
      "",
      "Example:",
      "  vmstate ps vm.mig",
      "  vmstate ps vm.mig --tree",
      "  vmstate ps vm.mig --pid 812,813 --threads",
      "  vmstate ps vm.mig --json --environ"
    })
final class PsCommand implements Callable<Integer> {
  @Mixin private LinuxArgument linux;
  @Mixin private Output output;

  @Option(
      names = "--pid",
      paramLabel = "N",
      split = ",",
      description = "These processes only; of a thread's number, its process.")
  private List<Integer> pids = List.of();

  @Option(names = "--threads", description = "A line for each thread.")
  private boolean threads;

  @Option(names = "--tree", description = "Children under their parents.")
  private boolean tree;

  @Option(names = "--all", description = "Also the idle task of each CPU.")
  private boolean all;

  @Option(names = "--environ", description = "Also the environment of each process.")
  private boolean environ;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = linux.open()) {
      KernelObjects objects = linux.objects(opened, output);
      Tasks tasks = Tasks.of(objects);
      List<String> notes = new ArrayList<>(tasks.notes());
      List<PsRow> rows = rows(tasks, PerCpu.of(objects), notes);
      for (PsRow row : rows) {
        notes.addAll(row.facts().notes());
        if (!row.missingFrom().isEmpty()) {
          notes.add(row.suspicion());
        }
      }
      Optional<GuestClock> clock = clock(objects, notes);
      List<PsRow> sorted = tree ? PsTree.of(rows) : rows;
      if (output.json) {
        PsJson json = new PsJson(clock, environ);
        ObjectNode node = json.guest(objects, tasks);
        ArrayNode list = node.putArray(threads ? "threads" : "processes");
        for (PsRow row : sorted) {
          list.add(json.row(row, notes));
        }
        notes.forEach(node.putArray("notes")::add);
        output.print(node);
      } else {
        new PsText(clock, threads).print(sorted, output.out());
        if (environ) {
          environments(sorted, notes);
        }
        notes.forEach(note -> output.err().println("vmstate: " + GuestText.line(note)));
      }
      return missing(opened, tasks) ? 1 : 0;
    }
  }

  private List<PsRow> rows(Tasks tasks, PerCpu perCpu, List<String> notes) throws IOException {
    List<PsRow> rows = new ArrayList<>();
    if (all) {
      for (Task idle : tasks.idle()) {
        add(rows, idle, true, tasks, perCpu, notes);
      }
    }
    Set<Integer> wanted = new LinkedHashSet<>();
    for (int pid : pids) {
      Optional<Task> task = tasks.find(pid);
      wanted.add(task.isPresent() ? task.get().tgid() : pid);
    }
    for (Map.Entry<Integer, List<Task>> process : tasks.processes().entrySet()) {
      if (!pids.isEmpty() && !wanted.contains(process.getKey())) {
        continue;
      }
      List<Task> shown = threads ? process.getValue() : process.getValue().subList(0, 1);
      for (Task task : shown) {
        add(rows, task, threads, tasks, perCpu, notes);
      }
    }
    return rows;
  }

  /** One that cannot be read loses nobody else. */
  private static void add(
      List<PsRow> rows, Task task, boolean thread, Tasks tasks, PerCpu perCpu, List<String> notes) {
    try {
      rows.add(PsRow.of(TaskFacts.of(task, tasks, !thread, perCpu), thread, tasks));
    } catch (IOException broken) {
      notes.add("task at 0x%x: %s".formatted(task.address(), broken.getMessage()));
    }
  }

  private static Optional<GuestClock> clock(KernelObjects objects, List<String> notes) {
    Optional<GuestClock> clock = Optional.empty();
    try {
      clock = GuestClock.of(objects);
    } catch (IOException broken) {
      notes.add("the guest's clock: " + broken.getMessage());
    }
    if (clock.isEmpty()) {
      notes.add("when the guest was started is not known: START counts from then");
    }
    return clock;
  }

  private void environments(List<PsRow> rows, List<String> notes) throws IOException {
    for (PsRow row : rows) {
      Optional<UserStrings> strings =
          row.isFirst() ? row.facts().environment(notes) : Optional.empty();
      if (strings.isPresent()) {
        output.out().printf("%n%d %s%n", row.facts().tgid(), row.command());
        strings.get().strings().forEach(word -> output.out().println("  " + GuestText.line(word)));
      }
    }
  }

  private boolean missing(Snapshot opened, Tasks tasks) {
    boolean missing = false;
    for (int pid : pids) {
      if (tasks.find(pid).isEmpty() && !tasks.processes().containsKey(pid)) {
        output.err().println("vmstate: %s: no process %d".formatted(opened.source(), pid));
        missing = true;
      }
    }
    return missing;
  }
}
