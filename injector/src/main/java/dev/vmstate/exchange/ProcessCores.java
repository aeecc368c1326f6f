package dev.vmstate.exchange;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.process.AddressSpace;
import dev.vmstate.core.process.DumpFilter;
import dev.vmstate.core.process.MappedFile;
import dev.vmstate.core.process.MappedFiles;
import dev.vmstate.core.process.ProcessCore;
import dev.vmstate.core.process.ProcessMark;
import dev.vmstate.core.process.ProcessNotes;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.core.tasks.Tasks;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Cores of the processes in a snapshot. The same snapshot gives the same cores. */
public final class ProcessCores {
  private final Snapshot snapshot;
  private final KernelObjects objects;
  private final Tasks tasks;
  private final List<X86Cpu> cpus;

  /** Of the processes of its Linux. */
  public ProcessCores(Snapshot snapshot, KernelObjects objects) throws IOException {
    this.snapshot = snapshot;
    this.objects = objects;
    this.tasks = Tasks.of(objects);
    this.cpus = snapshot.cpus();
  }

  /** Which parts of memory a core shall have. */
  public interface Choice {
    /** Those of a process with this {@code mm_struct}. */
    DumpFilter of(KernelObject mm) throws IOException;
  }

  /**
   * A core that can be written.
   *
   * @param task the process's first thread
   * @param comm its name, Latin-1
   * @param space its memory
   * @param files what of it is files'
   * @param notes its notes
   * @param core where what is in the file
   */
  public record Planned(
      Task task,
      String comm,
      AddressSpace space,
      List<MappedFile> files,
      ProcessNotes notes,
      ProcessCore core) {
    public Planned {
      files = List.copyOf(files);
    }

    /** What is missing or doubtful, for people. */
    public List<String> remarks() {
      List<String> all = new ArrayList<>(space.notes());
      all.addAll(notes.remarks());
      all.addAll(core.remarks());
      return all;
    }
  }

  /** All tasks of the guest. */
  public Tasks tasks() {
    return tasks;
  }

  /**
   * The process with a pid: of any of its threads.
   *
   * @throws IOException when there is none
   */
  public Task process(int pid) throws IOException {
    Optional<Task> task = tasks.find(pid);
    if (task.isEmpty()) {
      throw new IOException(
          "%s: no process %d in the guest; 'vmstate ps' lists them"
              .formatted(snapshot.source(), pid));
    }
    return tasks.find(task.get().tgid()).orElse(task.get());
  }

  /** Why a process has no core; empty when it has one. */
  public static Optional<String> whyNone(Task task) throws IOException {
    if (task.isKernelThread()) {
      return Optional.of("is a thread of the kernel: it has no memory of its own");
    }
    return task.mm().isEmpty() ? Optional.of("has exited: its memory is gone") : Optional.empty();
  }

  /**
   * Plans the core of a process.
   *
   * @throws IOException when it has none, or its memory cannot be found
   */
  public Planned plan(Task task, Choice choice) throws IOException {
    // The first thread may have exited while others go on: any of them has the memory.
    Task living = task;
    for (Task thread : tasks.threads(task)) {
      if (living.mm().isEmpty()) {
        living = thread;
      }
    }
    Optional<String> why = whyNone(living);
    Optional<AddressSpace> space =
        why.isPresent() ? Optional.empty() : AddressSpace.of(living.object());
    if (space.isEmpty()) {
      throw new IOException(
          "%s: process %d %s".formatted(snapshot.source(), task.pid(), why.orElse("has exited")));
    }
    List<MappedFile> files = MappedFiles.of(space.get(), living.object());
    ProcessNotes notes = ProcessNotes.of(objects, cpus, living.object(), files);
    List<ElfNote> all = new ArrayList<>(notes.notes());
    all.add(ProcessMark.of(task).note()); // last: debuggers pass over it
    ProcessCore core =
        ProcessCore.plan(space.get(), choice.of(space.get().mm()), all, notes.i386());
    return new Planned(task, task.comm(), space.get(), files, notes, core);
  }

  /** Writes a core into a new file, which is sparse where the process's memory is. */
  public static void write(Planned planned, Path path) throws IOException {
    try (OutputFile file = new OutputFile(path)) {
      planned.core().write(file::write);
      file.commit();
    }
  }
}
