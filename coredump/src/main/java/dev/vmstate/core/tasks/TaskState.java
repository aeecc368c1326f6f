package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;

/**
 * What a task does, as one letter: that of the guest's own {@code /proc/PID/stat} and {@code ps}.
 * Source: {@code include/linux/sched.h}, __task_state_index and task_index_to_char; the values are
 * those since 4.14.
 */
public enum TaskState {
  RUNNING('R', "runs or is to run"),
  SLEEPING('S', "sleeps until something happens"),
  DISK_SLEEP('D', "sleeps and takes no signal"),
  STOPPED('T', "stopped by a signal"),
  TRACED('t', "stopped by a debugger"),
  DEAD('X', "is being taken away"),
  ZOMBIE('Z', "has ended; its parent has not asked yet"),
  PARKED('P', "a kernel thread set aside"),
  IDLE('I', "a kernel thread that waits for work");

  private static final TaskState[] BY_BIT = {
    RUNNING, SLEEPING, DISK_SLEEP, STOPPED, TRACED, DEAD, ZOMBIE, PARKED, IDLE
  };

  /** All bits that have a letter. */
  private static final long REPORTED = 0x7f;

  /** TASK_UNINTERRUPTIBLE and TASK_NOLOAD: sleeps so, but does not count as load. */
  private static final long TASK_IDLE = 0x402;

  /** Of IDLE in {@link #BY_BIT}: TASK_REPORT_IDLE. */
  private static final long REPORT_IDLE = 0x80;

  /** TASK_RTLOCK_WAIT (5.15 and later) and TASK_FROZEN (6.1 and later). */
  private static final long AS_UNINTERRUPTIBLE = 0x1000 | 0x8000;

  private final char letter;
  private final String meaning;

  TaskState(char letter, String meaning) {
    this.letter = letter;
    this.meaning = meaning;
  }

  /** As ps has it. */
  public char letter() {
    return letter;
  }

  /** For people. */
  public String meaning() {
    return meaning;
  }

  /** Of a task. */
  public static TaskState of(Task task) throws IOException {
    KernelObject object = task.object();
    boolean renamed = object.has("__state"); // 5.14
    return of(object.number(renamed ? "__state" : "state"), object.number("exit_state"), renamed);
  }

  /**
   * Of the two numbers that say it.
   *
   * @param renamed of a kernel since 5.14; before, the higher bits had other meanings
   */
  static TaskState of(long state, long exit, boolean renamed) {
    long bits = (state | exit) & REPORTED;
    if ((state & TASK_IDLE) == TASK_IDLE) {
      bits = REPORT_IDLE;
    }
    if (renamed && (state & AS_UNINTERRUPTIBLE) != 0) {
      bits = 2;
    }
    return BY_BIT[bits == 0 ? 0 : 64 - Long.numberOfLeadingZeros(bits)];
  }
}
