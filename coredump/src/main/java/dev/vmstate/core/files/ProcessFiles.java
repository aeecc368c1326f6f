package dev.vmstate.core.files;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.tasks.Task;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Everything of the file systems a process holds on to. Names are those of {@link
 * FilePath#bytes()}, as {@code init} sees them.
 *
 * @param pid of the process
 * @param thread the thread with this file table; the pid, but for threads that have one of their
 *     own
 * @param comm its name
 * @param exe its program; empty for threads of the kernel
 * @param cwd where relative names begin
 * @param root where absolute names begin
 * @param files what it has open
 * @param notes what could not be read
 */
public record ProcessFiles(
    int pid,
    int thread,
    String comm,
    Optional<String> exe,
    Optional<String> cwd,
    Optional<String> root,
    List<OpenFile> files,
    List<String> notes) {
  public ProcessFiles {
    files = List.copyOf(files);
    notes = List.copyOf(notes);
  }

  /**
   * Of all threads of a process: one for each file table they have.
   *
   * @param threads the first thread first
   */
  public static List<ProcessFiles> of(List<Task> threads) throws IOException {
    Set<Long> tables = new HashSet<>();
    List<ProcessFiles> all = new ArrayList<>();
    for (Task thread : threads) {
      long table = thread.object().number("files");
      if (tables.add(table) && (table != 0 || all.isEmpty())) {
        all.add(of(thread));
      }
    }
    boolean dead = all.size() > 1 && threads.get(0).object().number("files") == 0;
    return dead ? all.subList(1, all.size()) : all;
  }

  private static ProcessFiles of(Task task) throws IOException {
    KernelObject object = task.object();
    List<String> notes = new ArrayList<>();
    Optional<KernelObject> fs = object.follow("fs", "fs_struct");
    Optional<OpenFiles> files = read(notes, "files", () -> OpenFiles.of(object));
    files.ifPresent(known -> notes.addAll(known.notes()));
    return new ProcessFiles(
        task.tgid(),
        task.pid(),
        task.comm(),
        read(notes, "exe", () -> exe(task, notes)),
        read(notes, "cwd", () -> place(fs, "pwd", notes)),
        read(notes, "root", () -> place(fs, "root", notes)),
        files.map(OpenFiles::files).orElse(List.of()),
        notes);
  }

  /** What may be broken by itself. */
  private interface Read<T> {
    Optional<T> read() throws IOException;
  }

  private static <T> Optional<T> read(List<String> notes, String what, Read<T> read) {
    try {
      return read.read();
    } catch (IOException broken) {
      notes.add("%s: %s".formatted(what, broken.getMessage()));
      return Optional.empty();
    }
  }

  private static Optional<String> exe(Task task, List<String> notes) throws IOException {
    Optional<KernelObject> mm = task.mm();
    Optional<KernelObject> exe = mm.isEmpty() ? mm : mm.get().follow("exe_file", "file");
    return exe.isEmpty()
        ? Optional.empty()
        : Optional.of(name(FilePath.ofFile(exe.get(), Optional.empty()), notes));
  }

  private static Optional<String> place(Optional<KernelObject> fs, String which, List<String> notes)
      throws IOException {
    return fs.isEmpty()
        ? Optional.empty()
        : Optional.of(name(FilePath.of(fs.get().inside(which, "path"), Optional.empty()), notes));
  }

  private static String name(FilePath path, List<String> notes) {
    path.fault().ifPresent(notes::add);
    return path.bytes();
  }
}
