package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;
import java.util.Optional;

/**
 * A thread of a process, or of the kernel: a {@code struct task_struct}. Everything is read when it
 * is asked for, and throws as {@link KernelObject} does. Two are equal when they are at the same
 * address.
 *
 * @param object for members that have no method here
 */
public record Task(KernelObject object) {
  /** PF_KTHREAD, {@code include/linux/sched.h}. */
  private static final long KTHREAD = 0x0020_0000;

  /** PF_EXITING. */
  private static final long EXITING = 0x4;

  /** PF_IDLE: the task a CPU runs when there is nothing to run. */
  private static final long IDLE = 0x2;

  /** Where the {@code task_struct} is. */
  public long address() {
    return object.address();
  }

  /** Number of this thread, in the first pid namespace: what {@code gettid} says. */
  public int pid() throws IOException {
    return (int) object.signed("pid");
  }

  /** Number of its process; equal to {@link #pid} in the first thread of one. */
  public int tgid() throws IOException {
    return (int) object.signed("tgid");
  }

  /** Whether it is the first thread, whose pid is the number of the process. */
  public boolean isLeader() throws IOException {
    return pid() == tgid();
  }

  /** Name of the thread, 15 bytes at most, as Latin-1: the guest may have put any bytes there. */
  public String comm() throws IOException {
    return object.text("comm");
  }

  /** The name as {@code /proc/PID/comm} has it: of kernel threads longer than {@link #comm}. */
  public String name() throws IOException {
    return isKernelThread() ? KernelThreadName.of(this) : comm();
  }

  /** Its {@code PF_…} flags. */
  public long flags() throws IOException {
    return object.number("flags");
  }

  /** A thread of the kernel: it has no address space of its own, or only borrows one. */
  public boolean isKernelThread() throws IOException {
    return (flags() & KTHREAD) != 0;
  }

  /** Has begun to exit; it leaves its lists one after the other. */
  public boolean isExiting() throws IOException {
    return (flags() & EXITING) != 0;
  }

  /** The task of a CPU that has nothing to do: {@code swapper/0}. It is in no list. */
  public boolean isIdle() throws IOException {
    return (flags() & IDLE) != 0 && pid() == 0;
  }

  /** Its {@code mm_struct}: none in kernel threads and in those that have exited. */
  public Optional<KernelObject> mm() throws IOException {
    return isKernelThread() ? Optional.empty() : object.follow("mm", "mm_struct");
  }

  /** The {@code signal_struct} its whole process has in common. */
  public Optional<KernelObject> signal() throws IOException {
    return object.follow("signal", "signal_struct");
  }

  /** The lowest address of its kernel stack. */
  public long stack() throws IOException {
    return object.number("stack");
  }

  /** The first thread of its process. */
  public Optional<Task> leader() throws IOException {
    return object.follow("group_leader", "task_struct").map(Task::new);
  }

  @Override
  public String toString() {
    return object.toString();
  }
}
