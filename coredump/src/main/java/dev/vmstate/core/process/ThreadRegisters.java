package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.cpu.X86Cpu;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Finds the user-mode registers of threads. They are in the CPU while it is in user mode, at the
 * top of the kernel's stack while the thread is in the kernel, and on the way between the two in
 * several places ({@link EntryFrames}).
 *
 * <p>What is left of them is not on any stack: segment selectors and the bases of FS and GS are in
 * the CPU, or in the task's {@code thread} where it does not run. In the kernel the user's GS base
 * is the one SWAPGS put away.
 */
public final class ThreadRegisters {
  private static final long NO_SYSCALL = -1;

  /** pt_regs's names for the registers of {@link UserRegisters#FRAME}. */
  static final List<String> MEMBERS =
      List.of(
          "r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si",
          "di", "orig_ax", "ip", "cs", "flags", "sp", "ss");

  private final KernelObjects objects;
  private final RunningTasks running;
  private final KernelStack stacks;
  private final EntryFrames entries;

  /** Of threads in a kernel whose tasks run where {@code running} says. */
  public ThreadRegisters(KernelObjects objects, RunningTasks running) {
    this.objects = objects;
    this.running = running;
    this.stacks = new KernelStack(objects);
    this.entries = new EntryFrames(objects, stacks);
  }

  /**
   * The registers of a thread.
   *
   * @param task a {@code task_struct}
   * @return empty where its stack does not have them: a kernel thread, or one that is just made or
   *     gone
   */
  public Optional<UserRegisters> of(KernelObject task) throws IOException {
    Optional<RunningTasks.Running> on = running.of(task.address());
    Map<String, Long> values = new HashMap<>();
    if (on.isPresent() && on.get().inUserMode()) {
      cpu(on.get().cpu(), values);
    } else if (on.isEmpty() || !entries.fill(task, on.get(), values)) {
      Optional<KernelStack.Frame> frame = stacks.frame(task);
      if (frame.isEmpty()) {
        return Optional.empty();
      }
      frame(frame.get().regs(), values);
    }
    if (objects.memory().wordBytes() == 4) {
      segments32(task, on, values);
    } else if (on.isPresent()) {
      segments(on.get(), values);
    } else {
      segments(task.inside("thread", "thread_struct"), values);
    }
    return Optional.of(new UserRegisters(values));
  }

  private static void cpu(X86Cpu cpu, Map<String, Long> values) {
    for (String name : UserRegisters.FRAME) {
      values.put(
          name,
          switch (name) {
            case "orig_rax" -> NO_SYSCALL;
            case "eflags" -> cpu.get("rflags");
            case "cs", "ss" -> cpu.get(name + ".selector");
            default -> cpu.get(name);
          });
    }
  }

  static void frame(KernelObject regs, Map<String, Long> values) throws IOException {
    for (int i = 0; i < MEMBERS.size(); i++) {
      if (regs.has(MEMBERS.get(i))) {
        // i386 keeps old values in the upper half of a selector's slot
        values.put(UserRegisters.FRAME.get(i), regs.number(MEMBERS.get(i)) & mask(i));
      }
    }
  }

  private static long mask(int i) {
    String name = UserRegisters.FRAME.get(i);
    return name.equals("cs") || name.equals("ss") ? 0xffff : -1L;
  }

  private static void segments(RunningTasks.Running on, Map<String, Long> values) {
    X86Cpu cpu = on.cpu();
    boolean swapped = !on.inUserMode() && cpu.get("gs.base") < 0;
    values.put("fs_base", cpu.get("fs.base"));
    values.put("gs_base", swapped ? cpu.get("kernel_gs_base") : cpu.get("gs.base"));
    for (String name : List.of("ds", "es", "fs", "gs")) {
      values.put(name, cpu.get(name + ".selector"));
    }
  }

  /** Linux never reads bases back that belong to a selector: they are its descriptor's. */
  private static void segments(KernelObject thread, Map<String, Long> values) throws IOException {
    values.put("fs_base", thread.number("fsbase"));
    values.put("gs_base", thread.number("gsbase"));
    values.put("ds", thread.number("ds"));
    values.put("es", thread.number("es"));
    values.put("fs", thread.number("fsindex"));
    values.put("gs", thread.number("gsindex"));
  }

  /**
   * An i386 kernel pushes DS, ES and FS. GS it leaves to the user, but until 5.12 stack protectors
   * had their canary behind it; what is in its slot otherwise is not a selector.
   */
  private void segments32(
      KernelObject task, Optional<RunningTasks.Running> on, Map<String, Long> values)
      throws IOException {
    if (on.isPresent() && on.get().inUserMode()) {
      segments(on.get(), values);
      return;
    }
    Optional<KernelStack.Frame> frame = stacks.frame(task);
    if (frame.isEmpty()) {
      return;
    }
    KernelObject regs = frame.get().regs();
    for (String name : List.of("ds", "es", "fs")) {
      values.put(name, regs.number(name) & 0xffff);
    }
    boolean pushed = objects.address("stack_canary").isPresent();
    long gs =
        pushed
            ? regs.number("gs")
            : on.isPresent() ? on.get().cpu().get("gs.selector") : task.number("thread.gs");
    values.put("gs", gs & 0xffff);
  }
}
