package dev.vmstate.inject;

import dev.vmstate.bytes.Progress;
import dev.vmstate.container.BlockDevice;
import dev.vmstate.container.Container;
import dev.vmstate.device.EditSet;
import dev.vmstate.kvmdir.KvmContainer;
import dev.vmstate.libvirt.LibvirtContainer;
import dev.vmstate.qcow2.Qcow2Container;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Everything that is to change in one snapshot, ready to be written to a new file or into the old
 * one. Fields change where they stand. A page that has bytes in the stream changes where it stands;
 * one that has none (a ZERO record, or no record at all) is added as a data record right before the
 * end of the RAM section, where it is the last word on the page, so that only the tail behind RAM
 * moves. QEMU reads it so: ram_load_precopy takes records as they come.
 */
public final class EditPlan implements Closeable {
  private final Container holder;
  private final Optional<PlannedEdits> stream;
  private final Optional<SaveImageEdit> saved;
  private final List<Path> inputs;
  private final Closeable resources;

  /** Values in memory that have names. */
  private List<InjectionReport.Metadata> named = List.of();

  /** What of the edits is passed over. */
  private List<String> notes = List.of();

  /**
   * A plan with everything it needs until it is closed.
   *
   * @param inputs files the edits come from, which no output may replace
   * @param resources closed with the plan
   */
  EditPlan(
      EditableSnapshot snapshot,
      EditSet fields,
      Optional<RamEdits> ram,
      List<Path> inputs,
      Closeable resources) {
    this(
        snapshot.holder(),
        Optional.of(new PlannedEdits(snapshot, fields, ram, Optional.empty())),
        Optional.empty(),
        inputs,
        resources);
  }

  private EditPlan(
      Container holder,
      Optional<PlannedEdits> stream,
      Optional<SaveImageEdit> saved,
      List<Path> inputs,
      Closeable resources) {
    this.holder = holder;
    this.stream = stream;
    this.saved = saved.filter(edit -> !edit.changes().isEmpty());
    this.inputs = List.copyOf(inputs);
    this.resources = resources;
  }

  /** A plan that changes fields only. */
  public static EditPlan of(EditableSnapshot snapshot, EditSet fields) {
    return of(snapshot, fields, Optional.empty());
  }

  /** A plan that changes fields, and what libvirt keeps before the stream. */
  public static EditPlan of(
      EditableSnapshot snapshot, EditSet fields, Optional<SaveImageEdit> saved) {
    return of(snapshot, fields, saved, Optional.empty());
  }

  /** A plan that changes fields, what libvirt keeps before the stream, and the structure. */
  public static EditPlan of(
      EditableSnapshot snapshot,
      EditSet fields,
      Optional<SaveImageEdit> saved,
      Optional<StructureEdits> structure) {
    PlannedEdits stream = new PlannedEdits(snapshot, fields, Optional.empty(), structure);
    return new EditPlan(snapshot.holder(), Optional.of(stream), saved, List.of(), () -> {});
  }

  /** A plan that changes fields and puts another machine's memory in place of what there is. */
  public static EditPlan of(EditableSnapshot snapshot, EditSet fields, MemoryReplacement memory) {
    return new EditPlan(snapshot, fields, Optional.of(memory), List.of(), () -> {});
  }

  /** A plan of everything that linked edits change, and the structure. */
  public static EditPlan of(LinkedEdits edits, Optional<StructureEdits> structure) {
    PlannedEdits stream =
        new PlannedEdits(
            edits.snapshot(),
            edits.fields(),
            edits.memory().map(memory -> (RamEdits) memory),
            structure);
    return named(edits.snapshot(), stream, edits.saved(), edits.named());
  }

  /** A plan of everything that a new address changes. */
  public static EditPlan of(MacEdit edit) {
    PlannedEdits stream =
        new PlannedEdits(
            edit.snapshot(),
            edit.fields(),
            edit.memory().map(memory -> (RamEdits) memory),
            Optional.empty());
    return named(edit.snapshot(), stream, edit.saved(), edit.named());
  }

  private static EditPlan named(
      EditableSnapshot snapshot,
      PlannedEdits stream,
      Optional<SaveImageEdit> saved,
      List<InjectionReport.Metadata> named) {
    EditPlan plan =
        new EditPlan(snapshot.holder(), Optional.of(stream), saved, List.of(), () -> {});
    plan.named = named;
    return plan;
  }

  /** A plan that changes only what libvirt keeps before the stream, which is not read for it. */
  public static EditPlan of(Container holder, SaveImageEdit saved) {
    return new EditPlan(holder, Optional.empty(), Optional.of(saved), List.of(), () -> {});
  }

  /** What of the edits changes nothing, and why; for people. */
  public List<String> notes() {
    return notes;
  }

  EditPlan withNamed(List<InjectionReport.Metadata> all) {
    named = List.copyOf(all);
    return this;
  }

  EditPlan withNotes(List<String> all) {
    notes = List.copyOf(all);
    return this;
  }

  /** What would change; writes nothing. */
  public InjectionReport dryRun() throws IOException {
    return new Draft().report();
  }

  /** Writes a new snapshot; {@code output} appears when it is complete. */
  public InjectionReport writeTo(Path output, Progress progress) throws IOException {
    Path path = holder.source().file();
    if (Files.exists(output)
        && !holder.source().isStandardInput()
        && Files.isSameFile(output, path)) {
      throw new IOException(
          output + ": is the snapshot itself: name another file, or say --in-place");
    }
    for (Path input : inputs) {
      if (Files.exists(output) && Files.exists(input) && Files.isSameFile(output, input)) {
        throw new IOException(output + ": holds the edits: name another file");
      }
    }
    Draft draft = new Draft();
    if (written()) {
      Optional<byte[]> front =
          holder instanceof LibvirtContainer ? Optional.of(front()) : Optional.empty();
      long at = holder.streamAt() + grown().map(SaveImageEdit::growth).orElse(0L);
      long written =
          SplicedCopy.write(holder, front, stream.orElseThrow().result(at), output, progress);
      UndoJournal.forget(output);
      return repacked() ? draft.report().written(written) : draft.report();
    }
    if (repacked()) {
      long written =
          PackedCopy.write(holder, front(), stream.orElseThrow(), draft.size, output, progress);
      UndoJournal.forget(output);
      return draft.report().written(written);
    }
    if (holder instanceof KvmContainer) {
      EditedDirectory.write(path, output, draft.edits, draft.size, progress);
    } else if (grown().isPresent()) {
      GrownCopy.write(path, output, grown().get(), draft.edits, draft.size, progress);
    } else {
      EditedCopy.write(path, output, draft.edits, draft.size, progress);
    }
    UndoJournal.forget(output);
    return draft.report();
  }

  /** Changes the snapshot itself, with an undo journal beside it. */
  public InjectionReport inPlace() throws IOException {
    return inPlace(Opener.PLAIN);
  }

  /** Why a compressed snapshot, or one from a pipe, is not changed in place. */
  public static IOException notInPlace(EditableSnapshot snapshot) {
    return PackedCopy.notInPlace(snapshot.holder());
  }

  InjectionReport inPlace(Opener opener) throws IOException {
    if (repacked()) {
      throw PackedCopy.notInPlace(holder);
    }
    if (BlockDevice.is(holder.source().file())) {
      throw new IOException(
          holder.source()
              + ": a block device has no place for the undo journal beside it: write a new file with"
              + " -o and copy that onto the device");
    }
    if (grown().isPresent()) {
      throw new IOException(
          "%s: the domain XML has no room to grow to %d bytes, and in place all of RAM would have"
                  .formatted(holder.source(), grown().get().image().domainXml().length)
              + " to move: write a new file with -o");
    }
    if (stream.isPresent() && stream.get().movesRam()) {
      throw new IOException(
          "%s: what stands before RAM gets another length, and in place all of RAM would have to move: write a new file with -o"
              .formatted(holder.source()));
    }
    Draft draft = new Draft();
    if (!draft.report().isEmpty()) {
      try (InPlace edit = new InPlace(holder.source().file(), opener)) {
        edit.carryOut(holder.fileSize(), draft.edits.appendAt(), draft.edits);
      }
    }
    return draft.report();
  }

  /** Whether the stream, in whole, is written anew; one in which nothing changes is copied. */
  private boolean repacked() {
    return PackedCopy.needed(holder)
        && stream.isPresent()
        && (stream.get().any() || !holder.payload().orElseThrow().again());
  }

  /**
   * Whether the stream is written anew because what is in it moves; in a disk image it moves where
   * it is.
   */
  private boolean written() {
    return stream.isPresent() && stream.get().structural() && !(holder instanceof Qcow2Container);
  }

  /** What stands before a stream that is written anew. */
  private byte[] front() {
    if (saved.isPresent()) {
      return saved.get().front();
    }
    return holder instanceof LibvirtContainer libvirt ? libvirt.image().front() : new byte[0];
  }

  /** The edit before the stream, if the stream has to move for it. */
  private Optional<SaveImageEdit> grown() {
    return saved.filter(edit -> edit.growth() != 0);
  }

  /** Everything told once, to nobody: how much is written and what changes. */
  private final class Draft {
    private final FileEdits edits;
    private final EditSize size;
    private final InjectionReport report;

    Draft() throws IOException {
      FileEdits behind =
          stream.isPresent()
              ? FileEdits.of(holder, stream.get())
              : FileEdits.none(holder.fileSize());
      edits =
          saved.isPresent() && grown().isEmpty()
              ? new FrontEdits(saved.get().patches(), behind)
              : behind;
      size = written() ? stream.orElseThrow().size() : EditSize.of(edits, holder.fileSize());
      long moved =
          grown()
              .map(edit -> edit.front().length + holder.fileSize() - edit.oldPayloadAt())
              .orElse(0L);
      report =
          stream
              .map(PlannedEdits::report)
              .orElseGet(InjectionReport::none)
              .with(
                  Stream.concat(
                          saved.stream().flatMap(edit -> edit.changes().stream()), named.stream())
                      .toList())
              .written(repacked() ? holder.fileSize() : size.written() + moved);
    }

    InjectionReport report() {
      return report;
    }
  }

  @Override
  public void close() throws IOException {
    resources.close();
  }
}
