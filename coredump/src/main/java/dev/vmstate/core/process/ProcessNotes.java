package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.NoSuchMemberException;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The notes of a process's core, as its own kernel writes them: of the first thread NT_PRSTATUS,
 * then what the process has (NT_PRPSINFO, NT_SIGINFO, NT_AUXV, NT_FILE), then the first thread's
 * other registers, and after them the other threads. Debuggers show the first thread; it is the
 * group leader here. Source: {@code fs/binfmt_elf.c}, write_note_info.
 *
 * @param notes in the order of the file
 * @param threads how many threads there are notes of
 * @param i386 whether the process is a 32-bit one, and its core an ELF32 for EM_386
 * @param remarks what is missing or doubtful, for people
 */
public record ProcessNotes(List<ElfNote> notes, int threads, boolean i386, List<String> remarks) {
  public ProcessNotes {
    notes = List.copyOf(notes);
    remarks = List.copyOf(remarks);
  }

  /**
   * Of a process.
   *
   * @param cpus of the snapshot
   * @param task one of its threads' {@code task_struct}
   * @param files for NT_FILE, by address
   * @throws NoSuchMemberException when this kernel's tasks do not look as expected
   */
  public static ProcessNotes of(
      KernelObjects objects, List<X86Cpu> cpus, KernelObject task, List<MappedFile> files)
      throws IOException {
    return new Maker(objects, RunningTasks.of(objects, cpus), task).make(files);
  }

  private static final class Maker {
    private final ProcessThreads threads;
    private final ThreadRegisters registers;
    private final ProcessIds ids;
    private final boolean i386;
    private final ThreadStatus status;
    private final List<ElfNote> notes = new ArrayList<>();
    private final List<String> remarks = new ArrayList<>();
    private int done;

    Maker(KernelObjects objects, RunningTasks running, KernelObject task) throws IOException {
      this.threads = ProcessThreads.of(objects, task);
      this.registers = new ThreadRegisters(objects, running);
      this.ids = new ProcessIds(objects, leader());
      this.i386 = objects.memory().wordBytes() == 4 || compat();
      this.status = new ThreadStatus(ids, threads.threads(), 0, i386);
      threads.fault().ifPresent(remarks::add);
    }

    private KernelObject leader() {
      return threads.threads().get(0);
    }

    private boolean compat() throws IOException {
      return registers.of(leader()).filter(UserRegisters::compat).isPresent();
    }

    ProcessNotes make(List<MappedFile> files) throws IOException {
      for (KernelObject thread : threads.threads()) {
        try {
          thread(thread);
          done++;
        } catch (UnmappedAddressException | NoSuchMemberException broken) {
          remarks.add("%s: %s".formatted(thread, broken.getMessage()));
        }
      }
      return new ProcessNotes(notes, done, i386, remarks);
    }

    private void thread(KernelObject task) throws IOException {
      Optional<UserRegisters> found = registers.of(task);
      if (found.isEmpty()) {
        remarks.add(
            "thread %d: no registers of user mode on its stack".formatted(task.number("pid")));
      }
      notes.add(status.of(task, found, false));
    }
  }
}
