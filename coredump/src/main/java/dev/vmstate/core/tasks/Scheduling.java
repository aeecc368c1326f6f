package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;

/**
 * When and where a task runs.
 *
 * @param cpu runs there, or ran there last
 * @param running whether it does in this moment
 * @param policy number of the SCHED_… policy
 * @param nice -20 to 19; without meaning under real-time policies
 * @param priority as the 18th field of {@code /proc/PID/stat}: 0 to 39, negative for real time
 * @param realTimePriority 1 to 99, 0 of none
 */
public record Scheduling(
    long cpu, boolean running, long policy, long nice, long priority, long realTimePriority) {
  /** Of a task. */
  public static Scheduling of(Task task) throws IOException {
    KernelObject object = task.object();
    // x86 has it in thread_info since 5.16, and every kernel for one processor nowhere.
    long cpu =
        object.has("thread_info.cpu")
            ? object.number("thread_info.cpu")
            : object.has("cpu") ? object.number("cpu") : 0;
    return new Scheduling(
        cpu,
        object.has("on_cpu") && object.number("on_cpu") != 0,
        object.number("policy"),
        object.signed("static_prio") - 120,
        object.signed("prio") - 100,
        object.number("rt_priority"));
  }

  /** The class column of {@code ps -o cls}: TS, FF, RR, B, IDL, DLN, EXT. */
  public String policyName() {
    return switch ((int) policy) {
      case 0 -> "TS";
      case 1 -> "FF";
      case 2 -> "RR";
      case 3 -> "B";
      case 4 -> "ISO";
      case 5 -> "IDL";
      case 6 -> "DLN";
      case 7 -> "EXT";
      default -> "#" + policy;
    };
  }
}
