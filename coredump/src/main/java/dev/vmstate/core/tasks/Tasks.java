package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * All tasks of a guest: its processes, their threads, the kernel's threads. They are looked for in
 * the three ways of {@link FoundBy}; a list that is broken, or from which somebody was taken out,
 * loses none that another way has.
 */
public final class Tasks {
  private final RunQueues runQueues;
  private final Set<FoundBy> ways;
  private final Map<Task, Set<FoundBy>> found;

  /** In the order they were found: threads of a process as the kernel has them. */
  private final Map<Integer, List<Task>> processes = new TreeMap<>();

  private final Map<Integer, Task> byPid = new TreeMap<>();

  /** Those of {@link #byPid}; with a pid that is there already somebody hides. */
  private final Set<Task> firsts;

  private final Map<Long, List<Task>> users = new HashMap<>();
  private final List<String> notes;

  private Tasks(TaskSearch search, RunQueues runQueues) throws IOException {
    this.runQueues = runQueues;
    this.ways = Collections.unmodifiableSet(search.ways);
    this.found = new LinkedHashMap<>(search.found);
    this.notes = search.notes();
    for (Task task : found.keySet()) {
      processes.computeIfAbsent(task.tgid(), pid -> new ArrayList<>()).add(task);
      byPid.putIfAbsent(task.pid(), task);
      long memory = task.object().number("mm");
      if (memory != 0) {
        users.computeIfAbsent(memory, mm -> new ArrayList<>()).add(task);
      }
    }
    // Given to every thread of a process: it is one list then, not a copy for each.
    processes.replaceAll((pid, threads) -> List.copyOf(threads));
    users.replaceAll((mm, threads) -> List.copyOf(threads));
    this.firsts = new HashSet<>(byPid.values());
  }

  /**
   * Finds them.
   *
   * @throws IOException when this kernel does not say where its tasks are, not when they are broken
   */
  public static Tasks of(KernelObjects objects) throws IOException {
    TaskSearch search = new TaskSearch(objects);
    RunQueues queues = RunQueues.of(objects);
    search.taskList();
    search.pidTable();
    search.runQueues(queues);
    return new Tasks(search, queues);
  }

  /** Every thread of every process, by pid; the idle tasks are not among them. */
  public List<Task> all() {
    List<Task> all = new ArrayList<>(byPid.values());
    found.keySet().stream().filter(task -> !firsts.contains(task)).forEach(all::add);
    return all;
  }

  /**
   * The processes by their number, each with its threads: the first thread first, if it is there.
   */
  public Map<Integer, List<Task>> processes() {
    return Collections.unmodifiableMap(processes);
  }

  /** The thread or process of that number. */
  public Optional<Task> find(int pid) {
    return Optional.ofNullable(byPid.get(pid));
  }

  /** All threads of the process {@code task} is in, in the kernel's order. */
  public List<Task> threads(Task task) throws IOException {
    return List.copyOf(processes.getOrDefault(task.tgid(), List.of(task)));
  }

  /** All tasks that have this {@code mm_struct}. */
  public List<Task> users(KernelObject mm) {
    return List.copyOf(users.getOrDefault(mm.address(), List.of()));
  }

  /** The idle task of each CPU. */
  public List<Task> idle() {
    return List.copyOf(runQueues.idle());
  }

  /** What each CPU runs. */
  public RunQueues runQueues() {
    return runQueues;
  }

  /** The ways this kernel could be asked in. */
  public Set<FoundBy> ways() {
    return ways;
  }

  /** The ways that found it. */
  public Set<FoundBy> foundBy(Task task) {
    return Collections.unmodifiableSet(found.getOrDefault(task, Set.of()));
  }

  /**
   * The ways that should have found it and did not: everybody is in the task list and in the pid
   * table, and who is queued is in a run queue. Who exits leaves them one after the other, and a
   * guest can have been stopped in between.
   */
  public Set<FoundBy> missingFrom(Task task) throws IOException {
    Set<FoundBy> missing = EnumSet.noneOf(FoundBy.class);
    missing.addAll(ways);
    missing.removeAll(foundBy(task));
    if (!isQueued(task.object())) {
      missing.remove(FoundBy.RUN_QUEUE);
    }
    return missing;
  }

  /** By its own entity: {@code on_rq} of the task alone says so of throttled ones too. */
  private static boolean isQueued(KernelObject task) throws IOException {
    return task.has("on_rq")
        && task.number("on_rq") == 1
        && (task.number("se.on_rq") != 0 || task.number("rt.on_rq") != 0);
  }

  /** Where a list broke off, or has what cannot be, in sentences for people. */
  public List<String> notes() {
    return List.copyOf(notes);
  }
}
