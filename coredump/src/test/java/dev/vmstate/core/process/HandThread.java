package dev.vmstate.core.process;

import static dev.vmstate.core.objects.HandKernel.DIRECT;

import dev.vmstate.core.objects.HandKernel;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import java.util.List;

/** A task with a kernel stack, and one CPU that runs it if a test says so. */
final class HandThread {
  static final long TASK = DIRECT + 0x20000;
  static final long STACK = DIRECT + 0x40000;
  static final long PER_CPU = DIRECT + 0x80000;
  static final long TSS = 0x2000;
  static final long ENTRY_STACK = DIRECT + 0x91000;
  static final long TEXT = DIRECT + 0xa0000;

  final HandKernel kernel =
      new HandKernel()
          .type("task_struct", 512)
          .member("task_struct", "stack", 0, 8)
          .member("task_struct", "thread", 64, 64)
          .type("thread_struct", 64)
          .member("thread_struct", "es", 0, 2)
          .member("thread_struct", "ds", 2, 2)
          .member("thread_struct", "fsindex", 4, 2)
          .member("thread_struct", "gsindex", 6, 2)
          .member("thread_struct", "fsbase", 8, 8)
          .member("thread_struct", "gsbase", 16, 8)
          .type("pt_regs", 168)
          .type("tss_struct", 128)
          .member("tss_struct", "x86_tss.sp0", 4, 8)
          .member("tss_struct", "x86_tss.sp2", 20, 8)
          .symbol("__per_cpu_offset", DIRECT + 0x30000)
          .symbol("__cpu_possible_mask", DIRECT + 0x30100)
          .symbol("current_task", 0x100)
          .symbol("cpu_tss_rw", TSS)
          .symbol("__entry_text_start", TEXT)
          .symbol("entry_SYSCALL_64", TEXT + 0x80)
          .symbol("entry_SYSCALL_64_after_hwframe", TEXT + 0xb8)
          .symbol("swapgs_restore_regs_and_return_to_usermode", TEXT + 0x800)
          .symbol("asm_exc_page_fault", TEXT + 0x900)
          .symbol("__entry_text_end", TEXT + 0x1000);

  HandThread() {
    List<String> members = ThreadRegisters.MEMBERS;
    for (int i = 0; i < members.size(); i++) {
      kernel.member("pt_regs", members.get(i), 8L * i, 8);
    }
    kernel
        .put(TASK, "task_struct", "stack", STACK)
        .put(TASK + 64, "thread_struct", "fsbase", 0x7f00_1000)
        .put(TASK + 64, "thread_struct", "gsbase", 0x7f00_2000)
        .put(TASK + 64, "thread_struct", "gsindex", 0x2b)
        .word(DIRECT + 0x30000, PER_CPU)
        .bytes(DIRECT + 0x30100, new byte[] {1})
        .put(PER_CPU + TSS, "tss_struct", "x86_tss.sp0", ENTRY_STACK);
  }

  /** Symbols of the first task's stack say how large stacks are. */
  HandThread stacksOf(long bytes) {
    kernel
        .symbol("init_stack", DIRECT + 0x100000)
        .symbol("__end_init_stack", DIRECT + 0x100000 + bytes);
    return this;
  }

  /** Puts pt_regs so that it ends at {@code top}: each register is {@code value} plus its place. */
  HandThread frame(long top, long value) {
    for (int i = 0; i < 21; i++) {
      long word =
          switch (ThreadRegisters.MEMBERS.get(i)) {
            case "cs" -> 0xdead_0000_0033L;
            case "ss" -> 0x2b;
            case "flags" -> 0x246;
            default -> value + i;
          };
      kernel.word(top - 168 + 8L * i, word);
    }
    return this;
  }

  /** CPU 0 runs it. */
  HandThread running() {
    kernel.word(PER_CPU + 0x100, TASK);
    return this;
  }

  KernelObject task() {
    return kernel.objects().at("task_struct", TASK);
  }

  KernelObjects objects() {
    return kernel.objects();
  }
}
