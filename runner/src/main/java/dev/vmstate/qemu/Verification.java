package dev.vmstate.qemu;

import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.diff.BlockDiff;
import dev.vmstate.diff.DeviceDiff;
import dev.vmstate.diff.FieldChange;
import dev.vmstate.diff.PageDiff;
import dev.vmstate.diff.SnapshotDiff;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a QEMU made of a snapshot: it loaded it and saved it again without running it.
 *
 * @param qemu QEMU's version
 * @param refused QEMU's reason when it did not load the snapshot; all lists are empty then
 * @param drifts fields that came back changed for a known reason
 * @param changed fields that came back changed for none: QEMU did not take the value
 * @param structure sections, blocks or fields that came back missing, new, or of another shape
 * @param pages RAM that came back changed
 * @param edits each field that differs from the older snapshot, if one was given
 * @param editedPages RAM that differs from the older snapshot
 * @param network QEMU's network cards after loading, as its monitor prints them
 */
public record Verification(
    String qemu,
    Optional<String> refused,
    List<Drift> drifts,
    List<FieldChange> changed,
    List<String> structure,
    List<PageDiff> pages,
    List<Edit> edits,
    List<EditedPages> editedPages,
    String network) {

  /**
   * A field that does not come back as it was, and need not.
   *
   * @param change from the value loaded to the value saved
   * @param reason why that is right
   */
  public record Drift(FieldChange change, String reason) {}

  /**
   * A field that was edited.
   *
   * @param change from the older snapshot to the new one
   * @param kept whether QEMU came back with the new value
   * @param note what it came back with otherwise, or empty
   */
  public record Edit(FieldChange change, boolean kept, String note) {}

  /**
   * Pages that were edited.
   *
   * @param pages from the older snapshot to the new one
   * @param lost those among them that came back with other contents
   */
  public record EditedPages(PageDiff pages, PageDiff lost) {}

  public Verification {
    drifts = List.copyOf(drifts);
    changed = List.copyOf(changed);
    structure = List.copyOf(structure);
    pages = List.copyOf(pages);
    edits = List.copyOf(edits);
    editedPages = List.copyOf(editedPages);
  }

  /** Whether QEMU holds exactly what the snapshot says. */
  public boolean ok() {
    return refused.isEmpty() && changed.isEmpty() && structure.isEmpty() && pages.isEmpty();
  }

  /**
   * Loads {@code fresh} into a QEMU, saves it again and compares.
   *
   * @param old the snapshot that {@code fresh} was edited from
   * @param command the user's QEMU
   * @param directory where the second snapshot lies for as long as this takes; it is as big as the
   *     first
   * @throws QemuException when QEMU cannot be started, or cannot save what it loaded
   */
  public static Verification of(
      StreamSnapshot fresh,
      Optional<StreamSnapshot> old,
      QemuCommand command,
      Path directory,
      Progress progress)
      throws IOException {
    nearby(fresh, directory, progress);
    if (old.isPresent()) {
      nearby(old.get(), directory, progress);
    }
    fresh.layout(); // a file that is no whole snapshot is found out before QEMU starts
    Path saved = Files.createTempFile(directory, ".vmstate-verify-", ".mig");
    try {
      String version;
      String network;
      try (QemuProcess qemu = QemuProcess.startIncoming(command)) {
        version = qemu.qmp().version();
        LoadAndSave machine = new LoadAndSave(qemu, progress);
        try {
          machine.load(fresh);
        } catch (LoadRefusedException e) {
          return refused(version, e.getMessage());
        }
        network = machine.network();
        machine.save(saved);
      }
      try (StreamSnapshot again = StreamSnapshot.open(saved)) {
        return compare(fresh, old, again, version, network, progress);
      }
    } finally {
      Files.deleteIfExists(saved);
    }
  }

  /** Pages are compared in the order of the other snapshot. */
  private static void nearby(StreamSnapshot snapshot, Path directory, Progress progress)
      throws IOException {
    snapshot.scratch(directory);
    snapshot.randomAccess(progress);
  }

  private static Verification refused(String version, String reason) {
    return new Verification(
        version,
        Optional.of(reason),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        "");
  }

  private static Verification compare(
      StreamSnapshot fresh,
      Optional<StreamSnapshot> old,
      StreamSnapshot again,
      String version,
      String network,
      Progress progress)
      throws IOException {
    SnapshotDiff diff = SnapshotDiff.between(fresh, again, progress);
    boolean clockInterrupt = false;
    for (FieldChange change : diff.fields()) {
      clockInterrupt |=
          ClockInterrupt.raisedBy(change, bytes(fresh, change.inA()), bytes(again, change.inB()));
    }
    List<Drift> drifts = new ArrayList<>();
    List<FieldChange> changed = new ArrayList<>();
    for (DeviceDiff device : diff.devices()) {
      for (FieldChange change : device.fields()) {
        byte[] before = bytes(fresh, change.inA());
        byte[] after = bytes(again, change.inB());
        Optional<String> reason = KnownDrift.reason(device.device(), change, before, after);
        if (reason.isEmpty() && clockInterrupt) {
          reason = ClockInterrupt.reason(change, before, after);
        }
        if (reason.isPresent()) {
          drifts.add(new Drift(change, reason.get()));
        } else {
          changed.add(change);
        }
      }
    }
    List<String> structure = structure(diff);
    if (clockInterrupt) {
      structure.removeIf(ClockInterrupt::explains);
    }
    List<PageDiff> pages = KvmClockPage.explain(diff.pages(), fresh, again, drifts::add);
    List<Edit> edits = new ArrayList<>();
    List<EditedPages> editedPages = new ArrayList<>();
    if (old.isPresent()) {
      SnapshotDiff edit = SnapshotDiff.between(old.get(), fresh, progress);
      edit.fields().forEach(change -> edits.add(edit(change, drifts, changed)));
      edit.pages().forEach(edited -> editedPages.add(editedPages(edited, pages)));
    }
    return new Verification(
        version, Optional.empty(), drifts, changed, structure, pages, edits, editedPages, network);
  }

  private static byte[] bytes(StreamSnapshot snapshot, Span span) throws IOException {
    return snapshot.stream().bytes(span);
  }

  private static List<String> structure(SnapshotDiff diff) {
    List<String> lines = new ArrayList<>();
    if (!diff.machine().isEmpty()) {
      lines.add("machine type: " + diff.machine());
    }
    diff.onlyInA().forEach(device -> lines.add(device + ": QEMU saved no such section"));
    diff.onlyInB().forEach(device -> lines.add(device + ": a section only QEMU has"));
    diff.blocks().stream().map(BlockDiff::toString).forEach(lines::add);
    diff.devices().forEach(device -> lines.addAll(device.structure()));
    return lines;
  }

  private static Edit edit(FieldChange edit, List<Drift> drifts, List<FieldChange> changed) {
    for (FieldChange back : changed) {
      if (edit.inB().overlaps(back.inA())) {
        return new Edit(edit, false, "QEMU came back with " + value(back));
      }
    }
    for (Drift drift : drifts) {
      if (edit.inB().overlaps(drift.change().inA())) {
        String note = "QEMU came back with %s: %s".formatted(value(drift.change()), drift.reason());
        return new Edit(edit, false, note);
      }
    }
    return new Edit(edit, true, "");
  }

  private static String value(FieldChange change) {
    return change.more() > 0 ? "other values" : change.after();
  }

  private static EditedPages editedPages(PageDiff edited, List<PageDiff> lost) {
    PageDiff none = edited.without(edited);
    for (PageDiff block : lost) {
      if (block.block().name().equals(edited.block().name())) {
        return new EditedPages(edited, edited.without(edited.without(block)));
      }
    }
    return new EditedPages(edited, none);
  }
}
