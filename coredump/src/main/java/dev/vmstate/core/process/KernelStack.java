package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * The stack a task has in the kernel. At its top is what the task had in user mode, {@code struct
 * pt_regs}, while it is in the kernel.
 *
 * <p>How large stacks are is a matter of configuration (16 KiB; 32 KiB with KASAN; 8 KiB on i386),
 * so is what is left free above pt_regs: nothing, 16 bytes in a kernel that knows FRED ({@code
 * TOP_OF_KERNEL_STACK_PADDING}, whether or not the CPU has it), 8 or 16 on i386 (16 for virtual
 * 8086 mode). No type says either. The stack's {@code vm_struct} has its pages, and the first
 * task's stack is between two symbols; and of the places pt_regs can be at, one has user-mode
 * selectors in it.
 */
final class KernelStack {
  private static final long PAGE = 4096;
  private static final long RPL = 3;
  private static final long FLAGS_ALWAYS = 2;

  private final KernelObjects objects;
  private final Set<Long> sizes = new LinkedHashSet<>();
  private final int word;

  KernelStack(KernelObjects objects) {
    this.objects = objects;
    this.word = objects.memory().wordBytes();
    objects.types().size("thread_union").ifPresent(sizes::add);
    between("init_stack", "__end_init_stack");
    between("init_stack", "__end_init_task");
    sizes.add(word == 8 ? 4 * PAGE : 2 * PAGE);
    sizes.add(8 * PAGE);
  }

  private void between(String first, String last) {
    OptionalLong from = objects.address(first);
    OptionalLong to = objects.address(last);
    if (from.isPresent() && to.isPresent() && plausible(to.getAsLong() - from.getAsLong())) {
      sizes.add(to.getAsLong() - from.getAsLong());
    }
  }

  private static boolean plausible(long size) {
    return size >= PAGE && size <= 64 * PAGE && Long.bitCount(size) == 1;
  }

  /**
   * A place of pt_regs.
   *
   * @param regs the pt_regs
   * @param top the first address behind it
   */
  record Frame(KernelObject regs, long top) {}

  /** Bytes of the stack of a task, as far as they are known without looking at it. */
  long size(KernelObject task) throws IOException {
    return sizes(task).iterator().next();
  }

  private Set<Long> sizes(KernelObject task) throws IOException {
    Set<Long> likely = new LinkedHashSet<>();
    if (task.has("stack_vm_area")) {
      Optional<KernelObject> area = task.follow("stack_vm_area", "vm_struct");
      if (area.isPresent() && area.get().has("nr_pages")) {
        long size = area.get().number("nr_pages") * PAGE;
        if (plausible(size)) {
          likely.add(size);
        }
      }
    }
    likely.addAll(sizes);
    return likely;
  }

  /** Where pt_regs is; empty where no place has what a thread in user mode would have had. */
  Optional<Frame> frame(KernelObject task) throws IOException {
    long stack = task.number("stack");
    for (long size : sizes(task)) {
      for (long padding : word == 8 ? new long[] {0, 16} : new long[] {8, 16, 0}) {
        Frame frame = frame(stack + size - padding);
        if (isUser(frame.regs())) {
          return Optional.of(frame);
        }
      }
    }
    return Optional.empty();
  }

  /** pt_regs that ends at an address. */
  Frame frame(long top) {
    long bytes = objects.types().size("pt_regs").orElse(word == 8 ? 21 * 8 : 17 * 4);
    return new Frame(objects.at("pt_regs", top - bytes), top);
  }

  /**
   * Whether it can be a thread's in user mode: selectors with privilege level 3, and the bit of the
   * flags that is always set, none of those that are not there.
   */
  boolean isUser(KernelObject regs) throws IOException {
    try {
      long code = regs.number("cs") & 0xffff;
      long stack = regs.number("ss") & 0xffff;
      return (code & RPL) == RPL
          && code > RPL
          && (stack & RPL) == RPL
          && (regs.number("flags") & FLAGS_ALWAYS) != 0
          && regs.number("flags") >>> 22 == 0;
    } catch (UnmappedAddressException outside) {
      return false;
    }
  }
}
