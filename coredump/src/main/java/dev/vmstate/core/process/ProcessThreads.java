package dev.vmstate.core.process;

import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The threads of a process, the group leader first, then as they were made: {@code
 * signal->thread_head}, linked by {@code thread_node}.
 *
 * @param threads {@code task_struct}s
 * @param fault where the list broke off, if so
 */
record ProcessThreads(List<KernelObject> threads, Optional<String> fault) {
  /** PID_MAX_LIMIT of a 64-bit kernel would be 4 million; each has a stack of 16 KiB. */
  private static final int MOST = 1 << 17;

  ProcessThreads {
    threads = List.copyOf(threads);
  }

  /** Of the process that {@code task} is a thread of. */
  static ProcessThreads of(KernelObjects objects, KernelObject task) throws IOException {
    KernelObject leader = task.follow("group_leader", "task_struct").orElse(task);
    List<KernelObject> threads = new ArrayList<>();
    threads.add(leader);
    Optional<KernelObject> signal;
    try {
      signal = leader.follow("signal", "signal_struct");
    } catch (UnmappedAddressException broken) {
      threads.set(0, task); // who is asked for is there
      signal = Optional.empty();
    }
    if (signal.isEmpty()) {
      return new ProcessThreads(threads, Optional.of("has no signal_struct: it is gone already"));
    }
    ListWalk list = objects.list(signal.get().at("thread_head"), MOST);
    for (long entry : list.entries()) {
      KernelObject thread = objects.container(entry, "task_struct", "thread_node");
      if (thread.address() != leader.address()) {
        threads.add(thread);
      }
    }
    return new ProcessThreads(threads, list.fault().map(fault -> "list of threads " + fault));
  }
}
