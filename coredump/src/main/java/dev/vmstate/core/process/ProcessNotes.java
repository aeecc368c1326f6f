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
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

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
    return new Maker(objects, cpus, task).make(files);
  }

  private static final class Maker {
    private static final long SIGNAL_GROUP_EXIT = 4;

    private final KernelObjects objects;
    private final ProcessThreads threads;
    private final ThreadRegisters registers;
    private final ThreadVectors vectors;
    private final ProcessIds ids;
    private final boolean i386;
    private final ThreadStatus status;
    private final List<ElfNote> notes = new ArrayList<>();
    private final List<String> remarks = new ArrayList<>();
    private int done;

    /** Bytes of notes there is memory for: those of ten thousand threads. */
    private long left = 48 << 20;

    private int counted;

    Maker(KernelObjects objects, List<X86Cpu> cpus, KernelObject task) throws IOException {
      RunningTasks running = RunningTasks.of(objects, cpus);
      this.objects = objects;
      this.threads = ProcessThreads.of(objects, task);
      this.registers = new ThreadRegisters(objects, running);
      this.vectors = new ThreadVectors(objects, running, cpus);
      this.ids = new ProcessIds(objects, leader());
      this.i386 = objects.memory().wordBytes() == 4 || compat();
      this.status = new ThreadStatus(ids, threads.threads(), deadlySignal(), i386);
      threads.fault().ifPresent(remarks::add);
    }

    private KernelObject leader() {
      return threads.threads().get(0);
    }

    /** A 32-bit program on a 64-bit kernel; one of its threads may be in 64-bit code. */
    private boolean compat() throws IOException {
      Optional<KernelObject> mm = leader().follow("mm", "mm_struct");
      OptionalLong loader = objects.address("compat_elf_format");
      if (mm.isPresent() && mm.get().has("binfmt") && loader.isPresent()) {
        return mm.get().number("binfmt") == loader.getAsLong();
      }
      return registers.of(leader()).filter(UserRegisters::compat).isPresent();
    }

    /** What the process dies of, 0 when it does not. */
    private long deadlySignal() throws IOException {
      long[] signal = new long[1];
      attempt("signal_struct", () -> signal[0] = exitSignal());
      return signal[0];
    }

    private long exitSignal() throws IOException {
      Optional<KernelObject> signal = leader().follow("signal", "signal_struct");
      return signal.isPresent() && (signal.get().number("flags") & SIGNAL_GROUP_EXIT) != 0
          ? signal.get().number("group_exit_code") & 0x7f
          : 0;
    }

    ProcessNotes make(List<MappedFile> files) throws IOException {
      for (KernelObject thread : threads.threads()) {
        if (notes.stream().skip(counted).mapToLong(ElfNote::bytes).sum() > left) {
          remarks.add(
              "more threads than a core has room for: %d of %d are left out"
                  .formatted(threads.threads().size() - done, threads.threads().size()));
          break;
        }
        left -= notes.stream().skip(counted).mapToLong(ElfNote::bytes).sum();
        counted = notes.size();
        attempt("thread %s".formatted(thread), () -> thread(thread, files));
      }
      if (objects.address("elf_coredump_extra_notes_write").isPresent()) {
        RegisterSets.layout(vectors.layout()).ifPresent(notes::add);
      }
      return new ProcessNotes(notes, done, i386, remarks);
    }

    /** A thread, or a note, that cannot be read is no reason to lose the others. */
    private void attempt(String what, Part part) throws IOException {
      try {
        part.add();
      } catch (UnmappedAddressException | NoSuchMemberException broken) {
        remarks.add("%s: %s".formatted(what, broken.getMessage()));
      }
    }

    private void thread(KernelObject task, List<MappedFile> files) throws IOException {
      String name = "thread %d".formatted(task.number("pid"));
      Optional<UserRegisters> found = registers.of(task);
      if (found.isEmpty()) {
        remarks.add(name + ": no registers of user mode on its stack");
      }
      Optional<ThreadVectors.Vectors> vector = Optional.empty();
      try {
        vector = vectors.of(task);
      } catch (UnmappedAddressException | NoSuchMemberException broken) {
        remarks.add("%s: FPU: %s".formatted(name, broken.getMessage()));
      }
      notes.add(status.of(task, found, vector.isPresent()));
      done++;
      if (task.address() == leader().address()) {
        whole(files);
      }
      if (i386) {
        UserRegisters selectors = found.orElseGet(() -> new UserRegisters(Map.of()));
        notes.addAll(RegisterSets.ofI386(task, selectors, vectors.layout(), vector));
      } else if (vector.isPresent()) {
        notes.addAll(RegisterSets.of(task, vectors.layout(), vector.get()));
      }
    }

    private void whole(List<MappedFile> files) throws IOException {
      attempt(
          "NT_PRPSINFO", () -> notes.add(ProcessInfo.of(objects, leader(), ids, i386, remarks)));
      attempt("NT_SIGINFO", () -> notes.add(ProcessWideNotes.signal(leader(), i386)));
      Optional<KernelObject> mm = leader().follow("mm", "mm_struct");
      if (mm.isPresent()) {
        attempt("NT_AUXV", () -> notes.add(ProcessWideNotes.auxv(mm.get(), i386)));
      }
      notes.add(ProcessWideNotes.files(files, i386));
    }
  }

  private interface Part {
    void add() throws IOException;
  }
}
