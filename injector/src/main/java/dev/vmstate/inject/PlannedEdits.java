package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Splice;
import dev.vmstate.device.EditSet;
import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.snapshot.StreamSnapshot;
import dev.vmstate.stream.RamSetup;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Fields, pages and structure that change, in stream offsets, and the account of the last telling.
 * Fields become part of the structure where that changes; pages are changed in a pass of their own.
 */
final class PlannedEdits implements StreamEdits {
  private final EditableSnapshot snapshot;
  private final EditSet fields;
  private final Optional<RamEdits> ram;
  private final Optional<StructureEdits> structure;
  private @Nullable Changes changes;
  private @Nullable Splices splices;

  PlannedEdits(
      EditableSnapshot snapshot,
      EditSet fields,
      Optional<RamEdits> ram,
      Optional<StructureEdits> structure) {
    this.snapshot = snapshot;
    this.fields = fields;
    this.ram = ram;
    this.structure = structure.filter(edits -> !edits.isEmpty());
  }

  /** Whether bytes are replaced by more or fewer. */
  boolean structural() {
    return structure.isPresent();
  }

  /** The stream whose structure changes. */
  private StreamSnapshot structured() {
    return structure.orElseThrow().snapshot();
  }

  /** Everything as splices. */
  Splices splices() throws IOException {
    Splices known = splices;
    if (known == null) {
      long at = snapshot.holder().streamAt();
      known = splices(at);
      splices = known;
    }
    return known;
  }

  /** The same, for a file in which the stream starts at {@code becomes}. */
  Splices splices(long becomes) throws IOException {
    if (ram.isPresent() && ram.get().count() > 0) {
      throw new IOException(
          "%s: memory and structure change: make one after the other".formatted(snapshot.source()));
    }
    List<Splice> all = new ArrayList<>(structure.orElseThrow().splices());
    for (Patch patch : fields.patches()) {
      all.add(new Splice(patch.where(), patch.with()));
    }
    return MappedFrame.around(
        Splices.of(all), structured().ram(), snapshot.holder().streamAt(), becomes);
  }

  /** The stream as it will be in a file where it starts at {@code becomes}. */
  SplicedSource result(long becomes) throws IOException {
    return new SplicedSource(snapshot.stream(), splices(becomes));
  }

  /** How much is written for the structure, of a stream that is a plain part of its file. */
  EditSize size() throws IOException {
    long moved =
        splices().kept(snapshot.stream().size()).stream()
            .filter(kept -> kept.shift() != 0)
            .mapToLong(kept -> kept.where().length())
            .sum();
    long with = splices().list().stream().mapToLong(splice -> splice.with().remaining()).sum();
    return new EditSize(with, 0, moved);
  }

  /** Whether pages of RAM stand somewhere else afterwards. */
  boolean movesRam() throws IOException {
    if (!structural()) {
      return false;
    }
    Splices all = splices();
    RamSetup ram = structured().ram();
    return ram.isMapped()
        ? ram.mapped().stream()
            .anyMatch(block -> block.stored() && all.shift(block.pages().offset()) != 0)
        : all.shift(snapshot.appendAt()) != 0;
  }

  @Override
  public long appendAt() throws IOException {
    return structural() ? snapshot.stream().size() : snapshot.appendAt();
  }

  @Override
  public long shrinks() throws IOException {
    return structural() ? Math.max(0, -splices().growth()) : 0;
  }

  @Override
  public void tell(StreamTarget target) throws IOException {
    if (structural()) {
      new SplicedEdits(snapshot.stream(), splices()).tell(target);
      return;
    }
    changes = new Changes(snapshot, target);
    if (ram.isPresent()) {
      ram.get().visit(changes);
      changes.finish();
    }
    for (Patch patch : fields.patches()) {
      target.patch(patch);
    }
  }

  /** Whether there is any. */
  boolean any() {
    return structural() || !fields.edits().isEmpty() || ram.isPresent() && ram.get().count() > 0;
  }

  /** Of the last telling. */
  InjectionReport report() {
    if (structure.isPresent()) {
      return InjectionReport.of(structure.get().changes(), fields.edits());
    }
    return Objects.requireNonNull(changes).report(fields.edits());
  }
}
