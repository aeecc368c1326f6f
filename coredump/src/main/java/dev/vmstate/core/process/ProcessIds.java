package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.Optional;

/**
 * Numbers of tasks as one process sees them: those of its own pid namespace. A task outside of it,
 * the parent of a container's first process, is 0. Source: {@code kernel/pid.c}, pid_nr_ns.
 */
final class ProcessIds {
  private static final int MOST_LEVELS = 32;
  private static final long PGID = 2;
  private static final long SID = 3;

  private final KernelObjects objects;
  private final long level;
  private final long namespace;

  /** As {@code task} sees them. */
  ProcessIds(KernelObjects objects, KernelObject task) throws IOException {
    this.objects = objects;
    long depth = -1;
    long inode = 0;
    try {
      Optional<KernelObject> pid = task.follow("thread_pid", "pid");
      depth = pid.isPresent() ? pid.get().number("level") : -1;
      inode = pid.isPresent() && inRange(depth) ? number(pid.get(), depth, "ns") : 0;
    } catch (UnmappedAddressException broken) {
      depth = -1; // then nobody has a number, as in a namespace it is not in
    }
    this.level = depth;
    this.namespace = inode;
  }

  private static boolean inRange(long level) {
    return level >= 0 && level <= MOST_LEVELS;
  }

  private long number(KernelObject pid, long at, String member) throws IOException {
    long size = objects.types().size("upid").orElse(16);
    KernelObject upid = objects.at("upid", pid.at("numbers") + at * size);
    return upid.number(member);
  }

  private long of(Optional<KernelObject> pid) throws IOException {
    if (pid.isEmpty() || !inRange(level) || level > pid.get().number("level")) {
      return 0;
    }
    return number(pid.get(), level, "ns") == namespace ? number(pid.get(), level, "nr") : 0;
  }

  /** Of a thread. */
  long thread(KernelObject task) throws IOException {
    return of(task.follow("thread_pid", "pid"));
  }

  /** Of the thread that made it. */
  long parent(KernelObject task) throws IOException {
    Optional<KernelObject> parent = task.follow("real_parent", "task_struct");
    return parent.isPresent() ? thread(parent.get()) : 0;
  }

  /** Of its process group. */
  long group(KernelObject task) throws IOException {
    return inSignal(task, objects.types().enumerator("PIDTYPE_PGID").orElse(PGID));
  }

  /** Of its session. */
  long session(KernelObject task) throws IOException {
    return inSignal(task, objects.types().enumerator("PIDTYPE_SID").orElse(SID));
  }

  private long inSignal(KernelObject task, long type) throws IOException {
    Optional<KernelObject> signal = task.follow("signal", "signal_struct");
    return signal.isPresent() ? of(signal.get().follow("pids[" + type + "]", "pid")) : 0;
  }
}
