package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;
import java.math.BigInteger;
import java.util.List;
import java.util.Optional;

/**
 * Since when a task is there and how long it has run, in nanoseconds.
 *
 * @param start since the guest was started, time in suspend too
 * @param user in its program
 * @param system in the kernel
 */
public record TaskTimes(long start, long user, long system) {
  /** Of one thread. */
  public static TaskTimes ofThread(Task task) throws IOException {
    KernelObject object = task.object();
    return adjusted(
        start(object),
        object.number("utime"),
        object.number("stime"),
        object.number("se.sum_exec_runtime"),
        object);
  }

  /** Of a process with all its threads, those too that have ended. */
  public static TaskTimes ofProcess(Task task, List<Task> threads) throws IOException {
    Optional<KernelObject> signal = task.signal();
    if (signal.isEmpty()) {
      return ofThread(task);
    }
    long user = signal.get().number("utime");
    long system = signal.get().number("stime");
    long ran = signal.get().number("sum_sched_runtime");
    for (Task thread : threads) {
      user += thread.object().number("utime");
      system += thread.object().number("stime");
      ran += thread.object().number("se.sum_exec_runtime");
    }
    return adjusted(start(task.object()), user, system, ran, signal.get());
  }

  private static long start(KernelObject object) throws IOException {
    return object.number(object.has("start_boottime") ? "start_boottime" : "real_start_time");
  }

  /**
   * The clock tick guesses what is running; how long a task ran the scheduler knows. The kernel
   * shows the latter, parted as the former says, and never less than it has shown before. Source:
   * {@code kernel/sched/cputime.c}, cputime_adjust.
   */
  private static TaskTimes adjusted(
      long start, long user, long system, long ran, KernelObject shownIn) throws IOException {
    long shownUser = shownIn.has("prev_cputime") ? shownIn.number("prev_cputime.utime") : 0;
    long shownSystem = shownIn.has("prev_cputime") ? shownIn.number("prev_cputime.stime") : 0;
    if (shownUser + shownSystem >= ran) {
      return new TaskTimes(start, shownUser, shownSystem);
    }
    long newSystem = system == 0 ? 0 : user == 0 ? ran : part(ran, system, user);
    newSystem = Math.max(newSystem, shownSystem);
    long newUser = ran - newSystem;
    if (newUser < shownUser) {
      newUser = shownUser;
      newSystem = ran - newUser;
    }
    return new TaskTimes(start, newUser, newSystem);
  }

  private static long part(long ran, long system, long user) {
    BigInteger product = BigInteger.valueOf(ran).multiply(BigInteger.valueOf(system));
    BigInteger sum = BigInteger.valueOf(system).add(BigInteger.valueOf(user));
    return sum.signum() == 0 ? 0 : product.divide(sum).longValue();
  }
}
