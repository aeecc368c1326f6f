package dev.vmstate.core.tasks;

/**
 * Where a kernel has its tasks. A rootkit hides a process by taking it out of one of them, and
 * leaves it where it is needed to run.
 */
public enum FoundBy {
  /** {@code init_task.tasks} and each {@code signal->thread_head}; what most tools walk. */
  TASK_LIST("task list"),

  /** {@code init_pid_ns.idr}, from pid to task; what /proc and kill ask. */
  PID_TABLE("pid table"),

  /** {@code runqueues} of each CPU: those that run or are to run. */
  RUN_QUEUE("run queue");

  private final String label;

  FoundBy(String label) {
    this.label = label;
  }

  /** For people. */
  @Override
  public String toString() {
    return label;
  }
}
