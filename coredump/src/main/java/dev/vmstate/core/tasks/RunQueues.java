package dev.vmstate.core.tasks;

import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.PerCpu;
import dev.vmstate.core.objects.RbTree;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * The run queue of each CPU: {@code struct rq}, {@code kernel/sched/sched.h}. Queued tasks are in
 * one list per scheduling class; the deadline class has a tree. The current task stays in its
 * queue; those that are in none ({@code idle}, {@code stop}) have pointers of their own.
 */
public final class RunQueues {
  /** Of all CPUs together; queues that were made to meet are walked once for each. */
  private static final int MOST_QUEUED = 1 << 18;

  private static final int MOST_NOTES = 100;

  private final Map<Integer, KernelObject> queues = new TreeMap<>();
  private final Map<Integer, Task> current = new TreeMap<>();
  private final Map<Integer, Task> idle = new TreeMap<>();
  private final List<Task> queued = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private int left = MOST_QUEUED;

  private RunQueues() {}

  /** Reads all of them. A kernel without kallsyms of variables has none to be found. */
  public static RunQueues of(KernelObjects objects) throws IOException {
    RunQueues all = new RunQueues();
    OptionalLong symbol = objects.address("runqueues");
    if (symbol.isPresent()) {
      try {
        PerCpu perCpu = PerCpu.of(objects);
        for (int cpu : perCpu.cpus()) {
          all.read(cpu, objects.at("rq", perCpu.address(symbol.getAsLong(), cpu)));
        }
      } catch (UnmappedAddressException broken) {
        all.notes.add(
            "the kernel says at 0x%x where its run queues are, and no RAM is there"
                .formatted(broken.address()));
      }
    }
    return all;
  }

  /** The {@code struct rq} of each CPU. */
  public Map<Integer, KernelObject> queues() {
    return Map.copyOf(queues);
  }

  /** What each CPU runs; its idle task when it runs nothing. */
  public Map<Integer, Task> current() {
    return Map.copyOf(current);
  }

  /** The idle task of each CPU, in order. */
  public Collection<Task> idle() {
    return List.copyOf(idle.values());
  }

  /** Current, stop and queued tasks, without the idle ones; some twice. */
  public List<Task> tasks() {
    return List.copyOf(queued);
  }

  /** Where a queue broke off. */
  public List<String> notes() {
    return List.copyOf(notes);
  }

  private void read(int cpu, KernelObject rq) {
    try {
      KernelObject running = rq.follow("curr", "task_struct").orElse(null);
      if (running == null) {
        return; // a CPU that was never there has a queue of zeros
      }
      queues.put(cpu, rq);
      current.put(cpu, new Task(running));
      rq.follow("idle", "task_struct").ifPresent(task -> idle.put(cpu, new Task(task)));
      rq.follow("stop", "task_struct").ifPresent(task -> queued.add(new Task(task)));
      if (!current.get(cpu).equals(idle.get(cpu))) {
        queued.add(current.get(cpu));
      }
      fair(cpu, rq);
      realTime(cpu, rq);
      deadline(cpu, rq);
      if (rq.has("scx.runnable_list")) {
        list(cpu, rq, "scx.runnable_list", "scx.runnable_node");
      }
    } catch (UnmappedAddressException broken) {
      notes.add(
          "the run queue of CPU %d leads to 0x%x, where no RAM is"
              .formatted(cpu, broken.address()));
    } catch (IOException unknown) {
      notes.add("the run queue of CPU %d: %s".formatted(cpu, unknown.getMessage()));
    }
  }

  /** All that are queued, of all groups; kernels for one CPU do not keep that list. */
  private void fair(int cpu, KernelObject rq) throws IOException {
    if (rq.has("cfs_tasks")) {
      list(cpu, rq, "cfs_tasks", "se.group_node");
    }
  }

  /** One list per priority; an entry with a queue of its own is a group. */
  private void realTime(int cpu, KernelObject rq) throws IOException {
    KernelObjects objects = rq.objects();
    KernelObject rt = rq.inside("rt", "rt_rq");
    if (rq.has("rt.rt_nr_running") && rq.number("rt.rt_nr_running") == 0) {
      return;
    }
    long lists = objects.types().length("rt_prio_array", "queue").orElse(0);
    for (int priority = 0; priority < Math.min(lists, 100); priority++) {
      ListWalk walk = objects.list(rt.at("active.queue[%d]".formatted(priority)), left);
      left -= walk.entries().size();
      note(cpu, "the real-time queue of CPU %d %s", walk.fault().orElse(""));
      for (long node : walk.entries()) {
        KernelObject entity = objects.container(node, "sched_rt_entity", "run_list");
        if (!entity.has("my_q") || entity.number("my_q") == 0) {
          queued.add(new Task(objects.container(entity.address(), "task_struct", "rt")));
        }
      }
    }
  }

  /** A tree; since 6.8 the fair class is served by an entity that belongs to no task. */
  private void deadline(int cpu, KernelObject rq) throws IOException {
    KernelObjects objects = rq.objects();
    RbTree tree = RbTree.of(objects, rq.at("dl.root"), left);
    left -= tree.nodes().size();
    note(cpu, "the deadline queue of CPU %d %s", tree.fault().orElse(""));
    for (long node : tree.nodes()) {
      KernelObject entity = objects.container(node, "sched_dl_entity", "rb_node");
      if (!entity.has("dl_server") || entity.number("dl_server") == 0) {
        queued.add(new Task(objects.container(entity.address(), "task_struct", "dl")));
      }
    }
  }

  private void list(int cpu, KernelObject rq, String head, String member) throws IOException {
    ListWalk walk = rq.objects().list(rq.at(head), left);
    left -= walk.entries().size();
    note(cpu, head + " of CPU %d %s", walk.fault().orElse(""));
    for (long node : walk.entries()) {
      queued.add(new Task(rq.objects().container(node, "task_struct", member)));
    }
  }

  private void note(int cpu, String text, String fault) {
    if (!fault.isEmpty() && notes.size() < MOST_NOTES) {
      notes.add(text.formatted(cpu, fault));
    }
  }
}
