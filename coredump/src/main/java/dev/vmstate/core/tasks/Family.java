package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;
import java.util.Optional;

/**
 * Who started a process and what it belongs to, in numbers of the first pid namespace.
 *
 * @param parent 0 of the first ones
 * @param group number of the process group, 0 of none
 * @param session number of the session, 0 of none
 */
public record Family(int parent, int group, int session) {
  /** Of a task. */
  public static Family of(Task task) throws IOException {
    Optional<Task> parent = task.object().follow("real_parent", "task_struct").map(Task::new);
    KernelObject object = task.object();
    long group = object.objects().types().enumerator("PIDTYPE_PGID").orElse(2);
    return new Family(
        parent.isPresent() ? parent.get().tgid() : 0, number(task, group), number(task, group + 1));
  }

  private static int number(Task task, long kind) throws IOException {
    Optional<KernelObject> signal = task.signal();
    if (signal.isEmpty()) {
      return 0;
    }
    Optional<KernelObject> pid = signal.get().follow("pids[%d]".formatted(kind), "pid");
    return pid.isPresent() ? PidNumber.first(pid.get()) : 0;
  }
}
