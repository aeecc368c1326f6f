package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.elf.PrStatus;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * NT_PRSTATUS of a thread. {@code struct elf_prstatus}, {@code long}s of 8 bytes, or of 4 for i386:
 *
 * <pre>
 * i32 si_signo, si_code, si_errno    i16 cursig   long sigpend, sighold
 * i32 pid, ppid, pgrp, sid           timeval utime, stime, cutime, cstime
 * user_regs_struct                   i32 fpvalid                            336 or 144 bytes
 * </pre>
 *
 * Source: {@code fs/binfmt_elf.c}, fill_prstatus. The group leader has the times of all threads.
 */
final class ThreadStatus {
  private final ProcessIds ids;
  private final List<KernelObject> threads;
  private final long signal;
  private final boolean i386;

  /**
   * For the threads of a process.
   *
   * @param signal what the process dies of, 0 when it does not
   */
  ThreadStatus(ProcessIds ids, List<KernelObject> threads, long signal, boolean i386) {
    this.ids = ids;
    this.threads = threads;
    this.signal = signal;
    this.i386 = i386;
  }

  /** The note; registers that are not known are zeros. */
  ElfNote of(KernelObject task, Optional<UserRegisters> registers, boolean vectors)
      throws IOException {
    NoteBytes out = new NoteBytes(i386 ? PrStatus.I386_BYTES : PrStatus.BYTES, i386);
    out.u32(signal).u32(0).u32(0).u16(signal).u16(0);
    out.word(task.number("pending.signal.sig[0]")).word(task.number("blocked.sig[0]"));
    out.u32(ids.thread(task)).u32(ids.parent(task)).u32(ids.group(task)).u32(ids.session(task));
    Optional<KernelObject> shared = task.follow("signal", "signal_struct");
    if (task.number("group_leader") == task.address()) {
      out.time(all("utime", shared)).time(all("stime", shared));
    } else {
      out.time(task.number("utime")).time(task.number("stime"));
    }
    out.time(shared.isPresent() ? shared.get().number("cutime") : 0);
    out.time(shared.isPresent() ? shared.get().number("cstime") : 0);
    int end = out.out().position() + (i386 ? UserRegisters.I386_BYTES : UserRegisters.BYTES);
    if (registers.isPresent() && i386) {
      registers.get().encodeI386(out.out());
    } else if (registers.isPresent()) {
      registers.get().encode(out.out());
    }
    out.out().position(end);
    out.u32(vectors ? 1 : 0);
    return ElfNote.of(PrStatus.OWNER, PrStatus.NT_PRSTATUS, out.array());
  }

  /** Of the threads there are and, in {@code signal}, of those that are gone. */
  private long all(String time, Optional<KernelObject> shared) throws IOException {
    long sum = shared.isPresent() ? shared.get().number(time) : 0;
    for (KernelObject thread : threads) {
      sum += thread.number(time);
    }
    return sum;
  }
}
