package dev.vmstate.core.process;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * User-mode registers of a CPU stopped in x86-64's entry code, where pt_regs at the top of the
 * task's stack is not complete yet ({@code arch/x86/entry/entry_64.S}):
 *
 * <pre>
 * entry_SYSCALL_64       nothing is in memory: RCX is the user's RIP, R11 its RFLAGS; RSP is still
 *                        the user's, or was put into the TSS's sp2 already
 * ..._after_hwframe      pt_regs is being pushed: what is below RSP is in the CPU still
 * asm_exc_..., asm_...   the same, but on the entry stack, whose top is the TSS's sp0; pt_regs is
 *                        moved to the task's stack later (sync_regs)
 * </pre>
 *
 * On the way back registers are popped, and what was pushed stays in memory: pt_regs is right to
 * the last instruction, even where the last few of them run on the entry stack again.
 */
final class EntryFrames {
  private static final long WORD = 8;
  private static final String FIRST = "__entry_text_start";
  private static final String LAST = "__entry_text_end";

  /**
   * error_entry is called when nothing was pushed yet: for a while the way back is in its place.
   */
  private static final int RDI = 14;

  private static final int ORIG = 15;
  private static final int RIP = 16;
  private static final long ENTRY_STACK = 4096;

  /** ENDBR64, where there is one, and SWAPGS; then RSP goes to sp2 and is used for other things. */
  private static final int BEFORE_SAVED = 7;

  /** Bytes of code that pushes what a system call was made with: about 30, nothing else is near. */
  private static final int PUSHES = 64;

  private static final long MINUS_ENOSYS = -38;
  private static final long USER_CODE = 0x33;
  private static final long USER_DATA = 0x2b;

  /** Code that leaves the kernel, by the name of the symbol before it. */
  private static final Set<String> WAY_BACK =
      Set.of(
          "swapgs_restore_regs_and_return_to_usermode",
          "common_interrupt_return",
          "syscall_return_via_sysret",
          "entry_SYSRETQ_unsafe_stack",
          "entry_SYSRETQ_end",
          "native_iret",
          "native_irq_return_iret",
          "native_irq_return_ldt");

  private final KernelObjects objects;
  private final KernelStack stacks;

  EntryFrames(KernelObjects objects, KernelStack stacks) {
    this.objects = objects;
    this.stacks = stacks;
  }

  /** False when the CPU is not in such a place, and pt_regs has all. */
  boolean fill(KernelObject task, RunningTasks.Running on, Map<String, Long> values)
      throws IOException {
    X86Cpu cpu = on.cpu();
    long rip = cpu.get("rip");
    if (objects.memory().wordBytes() != 8 || !between(rip, FIRST, LAST)) {
      return false;
    }
    if (between(rip, "entry_SYSCALL_64", "entry_SYSCALL_64_after_hwframe")) {
      syscall(objects.needed("entry_SYSCALL_64"), on, values);
      return true;
    }
    long rsp = cpu.get("rsp");
    Optional<KernelStack.Frame> whole = stacks.frame(task);
    if (whole.isPresent()) {
      long top = whole.get().top();
      if (rsp <= top && rsp > top - 21 * WORD) {
        return partial(top, cpu, values);
      }
    }
    OptionalLong segment = objects.address("cpu_tss_rw");
    if (segment.isEmpty() || wayBack(rip)) {
      return false;
    }
    KernelObject tss = objects.at("tss_struct", segment.getAsLong() + on.base());
    long top = tss.number("x86_tss.sp0");
    return rsp < top
        && rsp > top - ENTRY_STACK
        && stacks.isUser(stacks.frame(top).regs())
        && partial(top, cpu, values);
  }

  private boolean between(long address, String first, String last) {
    OptionalLong from = objects.address(first);
    OptionalLong to = objects.address(last);
    return from.isPresent()
        && to.isPresent()
        && Long.compareUnsigned(address, from.getAsLong()) >= 0
        && Long.compareUnsigned(address, to.getAsLong()) < 0;
  }

  private boolean wayBack(long rip) {
    return objects.symbols().at(rip).filter(symbol -> WAY_BACK.contains(symbol.name())).isPresent();
  }

  private void syscall(long entry, RunningTasks.Running on, Map<String, Long> values)
      throws IOException {
    X86Cpu cpu = on.cpu();
    registers(cpu, values);
    values.put("rip", cpu.get("rcx"));
    values.put("eflags", cpu.get("r11"));
    values.put("cs", USER_CODE);
    values.put("ss", USER_DATA);
    values.put("orig_rax", cpu.get("rax"));
    values.put("rax", MINUS_ENOSYS);
    OptionalLong segment = objects.address("cpu_tss_rw");
    if (cpu.get("rip") - entry > BEFORE_SAVED && segment.isPresent()) {
      KernelObject tss = objects.at("tss_struct", segment.getAsLong() + on.base());
      values.put("rsp", tss.number("x86_tss.sp2"));
    }
  }

  private static void registers(X86Cpu cpu, Map<String, Long> values) {
    for (String name : UserRegisters.FRAME.subList(0, ORIG)) {
      values.put(name, cpu.get(name));
    }
    values.put("rsp", cpu.get("rsp"));
  }

  private boolean partial(long top, X86Cpu cpu, Map<String, Long> values) throws IOException {
    long rsp = cpu.get("rsp");
    KernelMemory memory = objects.memory();
    long first = top - UserRegisters.FRAME.size() * WORD;
    if (rsp > first + RIP * WORD) {
      return false; // not even RIP was pushed
    }
    registers(cpu, values);
    OptionalLong behind = objects.address("entry_SYSCALL_64_after_hwframe");
    long into = cpu.get("rip") - behind.orElse(0);
    boolean call = behind.isPresent() && into >= 0 && into < PUSHES;
    values.put("orig_rax", call ? cpu.get("rax") : -1L);
    if (call) {
      values.put("rax", MINUS_ENOSYS);
    }
    try {
      for (int i = 0; i < UserRegisters.FRAME.size(); i++) {
        long at = first + i * WORD;
        if (at >= rsp) {
          String name = UserRegisters.FRAME.get(i);
          boolean selector = name.equals("cs") || name.equals("ss");
          long value = memory.u64(at) & (selector ? 0xffff : -1L);
          if (i != RDI || !between(value, FIRST, LAST)) {
            values.put(name, value);
          }
        }
      }
    } catch (UnmappedAddressException outside) {
      values.clear();
      return false;
    }
    return true;
  }
}
