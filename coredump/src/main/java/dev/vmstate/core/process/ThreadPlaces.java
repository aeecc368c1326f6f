package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.cpu.X86Cpu;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;

/**
 * Where a thread's registers of user mode stand, to be changed: in the CPU that runs it there; else
 * in {@code struct pt_regs} on its kernel stack, from which the kernel goes back, and the bases of
 * FS and GS in its {@code thread_struct}.
 */
public final class ThreadPlaces {
  private final KernelObjects objects;
  private final RunningTasks running;
  private final KernelStack stacks;
  private final EntryFrames entries;
  private final ProcessThreads threads;
  private final ProcessIds ids;

  /**
   * A place.
   *
   * @param cpu the CPU; empty when it is memory
   * @param register as {@link X86Cpu} calls it
   * @param address virtual, the kernel's
   * @param bytes 4 or 8
   */
  public record Place(Optional<X86Cpu> cpu, String register, long address, int bytes) {}

  /** Of the threads of a process. */
  public ThreadPlaces(KernelObjects objects, List<X86Cpu> cpus, KernelObject task)
      throws IOException {
    this.objects = objects;
    this.running = RunningTasks.of(objects, cpus);
    this.stacks = new KernelStack(objects);
    this.entries = new EntryFrames(objects, stacks);
    this.threads = ProcessThreads.of(objects, task);
    this.ids = new ProcessIds(objects, threads.threads().get(0));
  }

  /** The thread that NT_PRSTATUS has as {@code pid}: its number in the process's own namespace. */
  public Optional<KernelObject> thread(long pid) throws IOException {
    for (KernelObject thread : threads.threads()) {
      if (ids.thread(thread) == pid) {
        return Optional.of(thread);
      }
    }
    return Optional.empty();
  }

  /**
   * Where a register stands.
   *
   * @param name as user_regs_struct of x86-64 has it
   * @throws IOException when nobody would read it from there; the message says why
   */
  public Place of(KernelObject task, String name) throws IOException {
    Optional<RunningTasks.Running> on = running.of(task.address());
    if (on.isPresent() && on.get().inUserMode()) {
      if (name.equals("orig_rax")) {
        throw new IOException("the thread is in no system call");
      }
      return inCpu(on.get().cpu(), name);
    }
    int word = objects.memory().wordBytes();
    if (name.endsWith("_base") && word == 8) {
      return base(task, on, name);
    }
    int at = UserRegisters.FRAME.indexOf(name);
    if (at < 0 || name.equals("cs") || name.equals("ss")) {
      throw new IOException("the kernel does not take it from memory");
    }
    if (on.isPresent() && entries.fill(task, on.get(), new HashMap<>())) {
      throw new IOException(
          "the thread is on its way into the kernel, and half of it is in the CPU");
    }
    Optional<KernelStack.Frame> frame = stacks.frame(task);
    String member = ThreadRegisters.MEMBERS.get(at);
    if (frame.isEmpty() || !frame.get().regs().has(member)) {
      throw new IOException("its kernel stack has no registers of user mode");
    }
    return new Place(Optional.empty(), name, frame.get().regs().at(member), word);
  }

  private static Place inCpu(X86Cpu cpu, String name) {
    String register =
        switch (name) {
          case "eflags" -> "rflags";
          case "fs_base" -> "fs.base";
          case "gs_base" -> "gs.base";
          case "cs", "ss", "ds", "es", "fs", "gs" -> name + ".selector";
          default -> name;
        };
    return new Place(Optional.of(cpu), register, 0, 8);
  }

  /** Of a thread that is in the kernel: a CPU keeps them while it runs there. */
  private static Place base(KernelObject task, Optional<RunningTasks.Running> on, String name)
      throws IOException {
    if (on.isPresent()) {
      X86Cpu cpu = on.get().cpu();
      boolean swapped = name.equals("gs_base") && cpu.get("gs.base") < 0;
      return swapped ? new Place(Optional.of(cpu), "kernel_gs_base", 0, 8) : inCpu(cpu, name);
    }
    String member = name.equals("fs_base") ? "fsbase" : "gsbase";
    KernelObject thread = task.inside("thread", "thread_struct");
    return new Place(Optional.empty(), name, thread.at(member), 8);
  }
}
