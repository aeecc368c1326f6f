package dev.vmstate.core.tasks;

import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.XArray;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Looks for tasks in every way, and keeps which way found whom. */
final class TaskSearch {
  /** Tasks in all: a guest with more of them than that has a broken list. */
  private static final int MOST = 1 << 18;

  /** PID_MAX_LIMIT. */
  private static final int MOST_PID = 4 << 20;

  /** What one fault of a kind says; a thousand say no more. */
  private static final int MOST_NOTES = 50;

  private final KernelObjects objects;
  final Map<Task, Set<FoundBy>> found = new LinkedHashMap<>();
  final Set<FoundBy> ways = EnumSet.noneOf(FoundBy.class);
  private final List<String> notes = new ArrayList<>();
  private final Set<Long> signals = new HashSet<>();
  private int leftOut;

  /** Entries of all lists of threads: what is in them need be no task. */
  private int threadsLeft = MOST;

  TaskSearch(KernelObjects objects) {
    this.objects = objects;
  }

  List<String> notes() {
    List<String> all = new ArrayList<>(notes);
    if (leftOut > 0) {
      all.add("%d more faults of such kinds".formatted(leftOut));
    }
    return all;
  }

  /**
   * {@code for_each_process_thread}: the first threads are in one list, all of a process in
   * another.
   */
  void taskList() throws IOException {
    KernelObject init = objects.variable("init_task", "task_struct");
    ListWalk processes = objects.list(init.at("tasks"), MOST);
    ways.add(FoundBy.TASK_LIST);
    Set<Long> entries = new LinkedHashSet<>(processes.entries());
    if (processes.fault().isPresent()) {
      note("the task list " + processes.fault().get());
      entries.addAll(ListWalk.backwards(objects.memory(), init.at("tasks"), MOST).entries());
    }
    for (long entry : entries) {
      Task leader = new Task(objects.container(entry, "task_struct", "tasks"));
      if (add(leader, FoundBy.TASK_LIST)) {
        threads(leader);
      }
    }
  }

  private void threads(Task leader) throws IOException {
    try {
      KernelObject signal = leader.signal().orElse(null);
      if (signal == null || !signals.add(signal.address())) {
        return; // a process has its own
      }
      ListWalk threads = objects.list(signal.at("thread_head"), threadsLeft);
      threadsLeft -= threads.entries().size();
      if (threads.fault().isPresent()) {
        note("the thread list of process %d %s".formatted(leader.pid(), threads.fault().get()));
      }
      for (long entry : threads.entries()) {
        add(new Task(objects.container(entry, "task_struct", "thread_node")), FoundBy.TASK_LIST);
      }
    } catch (UnmappedAddressException broken) {
      note("%s has its signals at 0x%x, where no RAM is".formatted(leader, broken.address()));
    }
  }

  /** Each number has a {@code struct pid}, and that a list for each thing it is the number of. */
  void pidTable() throws IOException {
    KernelObject namespace = objects.variable("init_pid_ns", "pid_namespace");
    if (!namespace.has("idr.idr_rt.xa_head") || objects.types().size("pid").isEmpty()) {
      return; // a kernel before 4.20
    }
    long thread = objects.types().enumerator("PIDTYPE_PID").orElse(0);
    String head = "tasks[%d].first".formatted(thread);
    String link = "pid_links[%d]".formatted(thread);
    ways.add(FoundBy.PID_TABLE);
    XArray table;
    try {
      table = new XArray(objects, namespace.at("idr.idr_rt"));
    } catch (UnmappedAddressException broken) {
      note("the pid table should be at 0x%x, where no RAM is".formatted(broken.address()));
      return;
    }
    table
        .walk(
            2 * MOST,
            (number, entry) -> {
              try {
                long node = (entry & 3) != 0 ? 0 : objects.at("pid", entry).number(head);
                if (node != 0) {
                  numbered(number, new Task(objects.container(node, "task_struct", link)));
                }
              } catch (UnmappedAddressException broken) {
                note(
                    "pid %d of the pid table leads to 0x%x, where no RAM is"
                        .formatted(number, broken.address()));
              }
              return found.size() < MOST;
            })
        .ifPresent(fault -> note("the pid table " + fault));
  }

  private void numbered(long number, Task task) throws IOException {
    if (add(task, FoundBy.PID_TABLE) && task.pid() != number) {
      note("the pid table has %s as %d, which says it is %d".formatted(task, number, task.pid()));
    }
  }

  void runQueues(RunQueues queues) {
    queues.notes().forEach(this::note);
    if (!queues.queues().isEmpty()) {
      ways.add(FoundBy.RUN_QUEUE);
    }
    for (Task task : queues.tasks()) {
      add(task, FoundBy.RUN_QUEUE);
    }
  }

  /** Whether it is one: what a broken pointer leads to has no numbers a task can have. */
  private boolean add(Task task, FoundBy by) {
    Set<FoundBy> ways = found.get(task);
    if (ways != null) {
      ways.add(by);
      return true;
    }
    try {
      int pid = task.pid();
      int tgid = task.tgid();
      if (pid <= 0 || tgid <= 0 || pid > MOST_PID || tgid > MOST_PID) {
        note("the %s has 0x%x, which is no task (pid %d)".formatted(by, task.address(), pid));
        return false;
      }
      task.comm();
      task.mm();
    } catch (IOException broken) {
      note("the %s has 0x%x, which is no task: no RAM is there".formatted(by, task.address()));
      return false;
    }
    if (found.size() >= MOST) {
      note("there are more than %d tasks".formatted(MOST));
      return false;
    }
    found.put(task, EnumSet.of(by));
    return true;
  }

  private void note(String text) {
    if (notes.size() < MOST_NOTES) {
      notes.add(text);
    } else {
      leftOut++;
    }
  }
}
