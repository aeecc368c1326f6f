package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import java.io.IOException;
import java.util.Optional;

/**
 * The name of a kernel thread as {@code /proc/PID/comm} has it, which is more than fits into comm:
 * {@code kworker/0:1-events} did events last, {@code kworker/0:1+events} does it. Source: {@code
 * fs/proc/array.c}, proc_task_name; {@code kernel/workqueue.c}, wq_worker_comm; {@code
 * kernel/kthread.c}, get_kthread_comm.
 */
final class KernelThreadName {
  /** PF_WQ_WORKER. */
  private static final long WORKER = 0x20;

  /** Of the buffer the kernel puts it together in, with a NUL. */
  private static final int MOST = 63;

  private static final String RESCUER = "kworker/R-";

  private KernelThreadName() {}

  /** Of a kernel thread; Latin-1. */
  static String of(Task task) throws IOException {
    String comm = task.comm();
    Optional<KernelObject> thread = thread(task);
    if (thread.isEmpty()) {
      return comm;
    }
    if ((task.flags() & WORKER) != 0 && thread.get().has("data")) {
      Optional<KernelObject> worker = thread.get().follow("data", "worker");
      return worker.isPresent() ? cut(worker(comm, worker.get())) : comm;
    }
    // 5.17 and later keep a name that was too long; comm has its first 15 characters.
    return thread.get().has("full_name")
        ? thread.get().textAt("full_name", MOST).orElse(comm)
        : comm;
  }

  private static Optional<KernelObject> thread(Task task) throws IOException {
    KernelObjects objects = task.object().objects();
    if (objects.types().size("kthread").isEmpty()) {
      return Optional.empty();
    }
    // Since 5.17 it has a member of its own, before it was where user threads keep an address.
    boolean own = task.object().has("worker_private");
    return task.object().follow(own ? "worker_private" : "set_child_tid", "kthread");
  }

  private static String worker(String comm, KernelObject worker) throws IOException {
    if (!worker.has("desc") || !worker.has("pool")) {
      return comm;
    }
    String name = comm;
    Optional<KernelObject> rescued = worker.follow("rescue_wq", "workqueue_struct");
    if (comm.startsWith(RESCUER) && rescued.isPresent()) {
      name = RESCUER + rescued.get().text("name");
    }
    String work = worker.text("desc");
    if (worker.number("pool") == 0 || work.isEmpty()) {
      return name;
    }
    return name + (worker.number("current_work") != 0 ? "+" : "-") + work;
  }

  private static String cut(String name) {
    return name.length() > MOST ? name.substring(0, MOST) : name;
  }
}
