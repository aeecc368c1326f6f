package dev.vmstate.inject;

import dev.vmstate.bytes.Progress;
import dev.vmstate.core.objects.GuestWords;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.process.AddressSpace;
import dev.vmstate.core.process.CoreChange;
import dev.vmstate.core.process.CoreComparison;
import dev.vmstate.core.process.ProcessMark;
import dev.vmstate.core.process.SharedPages;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.core.tasks.Tasks;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.exchange.GuestObjects;
import dev.vmstate.linked.CpuLinks;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Compares the edited core of a process with the process in the snapshot it came from, and makes
 * the plan of what is to change. Which byte of the core is which of RAM is found anew, by the
 * process's page tables. Writes nothing.
 */
public final class ProcessInjection {
  private static final int MOST_NAMED = 1000;
  private static final int PAGE = 4096;

  /** Changed bytes closer than this are one line of the report. */
  private static final int GAP = 8;

  private final EditableSnapshot snapshot;
  private final CoreBytes bytes;
  private final boolean shared;
  private final List<InjectionReport.Metadata> named = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();

  private ProcessInjection(EditableSnapshot snapshot, CoreBytes bytes, boolean shared) {
    this.snapshot = snapshot;
    this.bytes = bytes;
    this.shared = shared;
  }

  /**
   * Finds what is to change.
   *
   * @param vmlinux the kernel's, if that does not say itself how its structures are laid out
   * @param core the edited core
   * @param pid whose it is; empty to believe the core
   * @param shared whether pages that others have too may change
   * @throws IOException when the core is not this process's, or changes what cannot be
   */
  public static EditPlan plan(
      EditableSnapshot snapshot,
      Optional<Path> vmlinux,
      Path core,
      OptionalInt pid,
      boolean shared,
      Progress progress)
      throws IOException {
    CoreBytes bytes = new CoreBytes(core);
    try {
      return new ProcessInjection(snapshot, bytes, shared).plan(vmlinux, core, pid, progress);
    } catch (IOException | RuntimeException e) {
      bytes.close();
      throw e;
    }
  }

  private EditPlan plan(Optional<Path> vmlinux, Path path, OptionalInt pid, Progress progress)
      throws IOException {
    CoreFile core = CoreFile.open(bytes).requireX86();
    KernelObjects objects = GuestObjects.of(snapshot, vmlinux, progress);
    Tasks tasks = Tasks.of(objects);
    Optional<ProcessMark> mark = ProcessMark.in(core);
    Task task = find(tasks, mark, pid);
    Task living = living(tasks, task);
    Optional<AddressSpace> space = AddressSpace.of(living.object());
    if (space.isEmpty()) {
      throw new IOException(
          "%s: process %d has no memory: a zombie, or a thread of the kernel"
              .formatted(snapshot.source(), task.tgid()));
    }
    List<CoreChange> changes;
    SharedPages others;
    try {
      CoreComparison comparison = new CoreComparison(core, bytes::hole, space.get());
      changes = comparison.changes();
      others = SharedPages.of(space.get(), comparison.frames(), tasks, changes);
    } catch (IOException e) {
      throw new IOException("%s: %s".formatted(bytes.name(), e.getMessage()), e);
    }
    if (!shared && !others.isEmpty()) {
      throw new IOException(
          "%s: %s; --shared changes it for all of them".formatted(bytes.name(), others.text()));
    }
    name(task, changes, others);
    GuestMemory memory = snapshot.memory();
    ProcessEdits ram = new ProcessEdits(memory, snapshot.index(progress), bytes, changes);
    EditSet fields = new EditSet();
    if (mark.isPresent()) { // others write other notes, in another order
      new ProcessRegisters(core, objects, fields, ram, named, notes)
          .compare(space.get(), snapshot.cpus(), living.object());
      CpuLinks.follow(snapshot.cpus(), snapshot.devices(), fields);
    }
    return new EditPlan(snapshot, fields, Optional.of(ram), List.of(path), bytes)
        .withNamed(named)
        .withNotes(notes);
  }

  /** The first thread may have exited while others go on: any of them has the memory. */
  private static Task living(Tasks tasks, Task leader) throws IOException {
    Task living = leader;
    for (Task thread : tasks.threads(leader)) {
      living = living.mm().isEmpty() ? thread : living;
    }
    return living;
  }

  private Task find(Tasks tasks, Optional<ProcessMark> mark, OptionalInt pid) throws IOException {
    if (pid.isEmpty() && mark.isEmpty()) {
      throw new IOException(
          "%s: does not say whose core it is ('vmstate core' writes that): give --pid"
              .formatted(bytes.name()));
    }
    int wanted = pid.orElseGet(() -> mark.orElseThrow().pid());
    Optional<Task> found = tasks.find(wanted);
    if (found.isEmpty()) {
      throw new IOException(
          "%s: no process %d: is %s the core of another snapshot?"
              .formatted(snapshot.source(), wanted, bytes.name()));
    }
    Task leader = found.get().leader().orElse(found.get());
    ProcessMark now = ProcessMark.of(leader);
    if (mark.isPresent() && !mark.get().equals(now)) {
      boolean same = mark.get().pid() == now.pid() && mark.get().start() == now.start();
      throw new IOException(
          same
              ? "%s: process %d has run on since: it is a core of another moment, extract it anew from %s"
                  .formatted(bytes.name(), wanted, snapshot.source())
              : "%s: is the core of another process than %d of %s"
                  .formatted(bytes.name(), wanted, snapshot.source()));
    }
    return leader;
  }

  /** What people are told of: every stretch of changed bytes, by the process's addresses. */
  private void name(Task task, List<CoreChange> changes, SharedPages others) throws IOException {
    String who = "pid %d %s".formatted(task.tgid(), GuestWords.printable(task.comm()));
    byte[] before = new byte[PAGE];
    byte[] after = new byte[PAGE];
    for (CoreChange change : changes) {
      int length = Math.min(PAGE, change.bytes());
      snapshot.memory().readPhysical(change.physical(), ByteBuffer.wrap(before, 0, length));
      bytes.read(change.fileOffset(), ByteBuffer.wrap(after, 0, length));
      for (int at = 0; at < length; ) {
        if (before[at] == after[at]) {
          at++;
          continue;
        }
        int end = at + 1;
        for (int i = end; i < length && i < end + GAP; i++) {
          end = before[i] == after[i] ? end : i + 1;
        }
        if (named.size() == MOST_NAMED) {
          notes.add("more than %d stretches change: the rest is not listed".formatted(MOST_NAMED));
          return;
        }
        String area = change.vma().name().isEmpty() ? change.vma().rights() : change.vma().name();
        named.add(
            new InjectionReport.Metadata(
                "%s: 0x%x (%s) %d %s"
                    .formatted(
                        who,
                        change.virtual() + at,
                        GuestWords.printable(area),
                        end - at,
                        end - at == 1 ? "byte" : "bytes"),
                new FieldEdit.Bytes(Arrays.copyOfRange(before, at, end)).toString(),
                new FieldEdit.Bytes(Arrays.copyOfRange(after, at, end)).toString(),
                bytes.name(),
                others.note(change.physical()).stream().toList()));
        at = end;
      }
    }
  }
}
