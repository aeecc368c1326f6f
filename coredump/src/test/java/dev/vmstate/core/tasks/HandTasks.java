package dev.vmstate.core.tasks;

import static dev.vmstate.core.objects.HandKernel.DIRECT;

import dev.vmstate.core.objects.HandKernel;
import java.util.ArrayList;
import java.util.List;

/** Tasks in a kernel put together by hand: each in the task list and in the pid table. */
public final class HandTasks {
  static final long INIT_TASK = DIRECT + 0x20000;
  private static final long NAMESPACE = DIRECT + 0x30000;
  static final long NODE = DIRECT + 0x31000;
  private static final long TASKS = DIRECT + 0x100000;

  public final HandKernel kernel = new HandKernel();
  private final List<Long> leaders = new ArrayList<>();

  public HandTasks() {
    kernel
        .type("task_struct", 0x200)
        .member("task_struct", "flags", 0x2c, 4)
        .member("task_struct", "tasks", 0x40, 16)
        .member("task_struct", "mm", 0x50, 8)
        .member("task_struct", "pid", 0x60, 4)
        .member("task_struct", "tgid", 0x64, 4)
        .member("task_struct", "group_leader", 0x68, 8)
        .member("task_struct", "pid_links[0]", 0x70, 16)
        .member("task_struct", "thread_node", 0x80, 16)
        .member("task_struct", "signal", 0x90, 8)
        .member("task_struct", "comm", 0xa0, 16)
        .type("signal_struct", 0x40)
        .member("signal_struct", "thread_head", 0x10, 16)
        .type("pid_namespace", 0x40)
        .member("pid_namespace", "idr.idr_rt", 0, 16)
        .member("pid_namespace", "idr.idr_rt.xa_head", 8, 8)
        .type("pid", 0x60)
        .member("pid", "tasks[0].first", 0x10, 8)
        .type("xarray", 16)
        .member("xarray", "xa_head", 8, 8)
        .type("xa_node", 0x240)
        .member("xa_node", "shift", 0, 1)
        .member("xa_node", "slots", 0x28, 512)
        .length("xa_node", "slots", 64)
        .enumerator("PIDTYPE_PID", 0)
        .symbol("init_task", INIT_TASK)
        .symbol("init_pid_ns", NAMESPACE)
        .word(NAMESPACE + 8, NODE | 2);
  }

  /** Where the {@code task_struct} of a pid up to 63 is. */
  public static long at(int pid) {
    return TASKS + 0x1000L * pid;
  }

  /** The {@code list_head} of the task list in it. */
  static long link(int pid) {
    return at(pid) + 0x40;
  }

  /** A process and its other threads. */
  public HandTasks process(int tgid, String comm, int... others) {
    long[] nodes = new long[others.length + 1];
    long signal = at(tgid) + 0x800;
    for (int i = 0; i < nodes.length; i++) {
      int pid = i == 0 ? tgid : others[i - 1];
      long task = at(pid);
      nodes[i] = task + 0x80;
      kernel
          .put(task, "task_struct", "pid", pid)
          .put(task, "task_struct", "tgid", tgid)
          .put(task, "task_struct", "comm", comm)
          .put(task, "task_struct", "signal", signal)
          .put(task, "task_struct", "group_leader", at(tgid))
          .put(task + 0x900, "pid", "tasks[0].first", task + 0x70)
          .word(NODE + 0x28 + 8L * pid, task + 0x900);
    }
    kernel.list(signal + 0x10, nodes);
    leaders.add(link(tgid));
    return list();
  }

  private HandTasks list() {
    kernel.list(INIT_TASK + 0x40, leaders.stream().mapToLong(Long::longValue).toArray());
    return this;
  }

  /** Takes a process out of the task list, as list_del does it. */
  HandTasks unlink(int tgid) {
    leaders.remove(link(tgid));
    return list();
  }

  /** Takes it out of the pid table. */
  HandTasks unnumber(int pid) {
    kernel.word(NODE + 0x28 + 8L * pid, 0);
    return this;
  }
}
