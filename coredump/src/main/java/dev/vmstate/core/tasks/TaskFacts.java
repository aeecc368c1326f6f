package dev.vmstate.core.tasks;

import dev.vmstate.core.files.FilePath;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.PerCpu;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What is known of a process, or of one of its threads. What could not be read is empty and noted:
 * one broken pointer does not hide a task.
 *
 * @param task of which; the first thread of a process
 * @param threads of the whole process
 * @param pid its number
 * @param tgid that of its process
 * @param name as the guest's own ps has it; Latin-1, as all texts here
 * @param kernel whether it is a thread of the kernel
 * @param times of the thread, or of all of the process
 * @param arguments of the command line; kernel threads have none
 * @param executable file of the program
 * @param notes what could not be read
 */
public record TaskFacts(
    Task task,
    List<Task> threads,
    int pid,
    int tgid,
    String name,
    boolean kernel,
    boolean exiting,
    Optional<TaskState> state,
    Optional<Family> family,
    Optional<Credentials> credentials,
    Optional<Scheduling> scheduling,
    Optional<TaskMemory> memory,
    Optional<TaskTimes> times,
    Optional<ControllingTerminal> terminal,
    Optional<Namespaces> namespaces,
    Optional<UserStrings> arguments,
    Optional<String> executable,
    List<String> notes) {
  public TaskFacts {
    threads = List.copyOf(threads);
    notes = List.copyOf(notes);
  }

  /** Something that is read. */
  private interface Read<T> {
    T of() throws IOException;
  }

  /**
   * Reads them.
   *
   * @param tasks all of the guest
   * @param whole as a process: times of all threads
   * @param perCpu of its kernel
   */
  public static TaskFacts of(Task task, Tasks tasks, boolean whole, PerCpu perCpu)
      throws IOException {
    List<Task> threads = task.isIdle() ? List.of(task) : tasks.threads(task);
    Reader reader = new Reader(task.pid());
    boolean kernel = task.isKernelThread();
    Optional<KernelObject> mm = reader.maybe("memory", task::mm);
    return new TaskFacts(
        task,
        threads,
        task.pid(),
        task.tgid(),
        reader.ask("name", task::name).orElse(task.comm()),
        kernel,
        task.isExiting(),
        reader.ask("state", () -> TaskState.of(task)),
        reader.ask("parent", () -> Family.of(task)),
        reader.ask("credentials", () -> Credentials.of(task)),
        reader.ask("scheduling", () -> Scheduling.of(task)),
        mm.isEmpty()
            ? Optional.empty()
            : reader.ask("memory", () -> TaskMemory.of(mm.get(), tasks.users(mm.get()), perCpu)),
        reader.ask(
            "times", () -> whole ? TaskTimes.ofProcess(task, threads) : TaskTimes.ofThread(task)),
        reader.maybe("terminal", () -> ControllingTerminal.of(task)),
        reader.ask("namespaces", () -> Namespaces.of(task)),
        mm.isEmpty() ? Optional.empty() : reader.strings("arguments", mm.get(), true),
        mm.isEmpty() ? Optional.empty() : reader.maybe("program", () -> executable(mm.get())),
        reader.notes);
  }

  private static Optional<String> executable(KernelObject mm) throws IOException {
    Optional<KernelObject> file = mm.follow("exe_file", "file");
    return file.isEmpty()
        ? Optional.empty()
        : Optional.of(FilePath.ofFile(file.get(), Optional.empty()).bytes());
  }

  /**
   * The environment of the process; read only now.
   *
   * @param faults gets what could not be read
   */
  public Optional<UserStrings> environment(List<String> faults) {
    Reader reader = new Reader(pid);
    Optional<KernelObject> mm = reader.maybe("memory", task::mm);
    Optional<UserStrings> strings =
        mm.isEmpty() ? Optional.empty() : reader.strings("environment", mm.get(), false);
    faults.addAll(reader.notes);
    return strings;
  }

  /** The letter, and behind it those of {@code ps}: {@code < N} nice, L locked, s, l, +. */
  public String stat() {
    StringBuilder text = new StringBuilder();
    text.append(state.map(TaskState::letter).orElse('?'));
    long nice = scheduling.map(Scheduling::nice).orElse(0L);
    text.append(nice < 0 ? "<" : nice > 0 ? "N" : "");
    text.append(memory.isPresent() && memory.get().locked() > 0 ? "L" : "");
    text.append(family.isPresent() && family.get().session() == tgid ? "s" : "");
    text.append(threads.size() > 1 ? "l" : "");
    boolean foreground =
        terminal.isPresent()
            && family.isPresent()
            && terminal.get().foreground() == family.get().group();
    return text.append(foreground ? "+" : "").toString();
  }

  private static final class Reader {
    private final int pid;
    private final List<String> notes = new ArrayList<>();

    Reader(int pid) {
      this.pid = pid;
    }

    <T> Optional<T> ask(String what, Read<T> read) {
      return maybe(what, () -> Optional.of(read.of()));
    }

    <T> Optional<T> maybe(String what, Read<Optional<T>> read) {
      try {
        return read.of();
      } catch (IOException broken) {
        notes.add("pid %d: %s: %s".formatted(pid, what, broken.getMessage()));
        return Optional.empty();
      }
    }

    Optional<UserStrings> strings(String what, KernelObject mm, boolean arguments) {
      Optional<UserStrings> strings =
          ask(what, () -> arguments ? UserStrings.arguments(mm) : UserStrings.environment(mm));
      strings
          .flatMap(UserStrings::fault)
          .ifPresent(fault -> notes.add("pid %d: %s: %s".formatted(pid, what, fault)));
      return strings;
    }
  }
}
