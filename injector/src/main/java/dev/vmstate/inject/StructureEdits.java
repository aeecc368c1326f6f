package dev.vmstate.inject;

import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.VmdescText;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Changes of a stream's structure: bytes that others of any length replace, and the stream's own
 * description of itself, kept in step. What each means is in {@code dev.vmstate.structure}; this is
 * what they come to.
 */
public final class StructureEdits {
  /** A real stream names a RAM block a few thousand times. */
  private static final int MOST_SPLICES = 1 << 18;

  private final StreamSnapshot snapshot;
  private final List<Splice> splices = new ArrayList<>();
  private final List<InjectionReport.Structural> changes = new ArrayList<>();
  private @Nullable VmdescText vmdesc;

  /** No change yet. */
  public StructureEdits(StreamSnapshot snapshot) {
    this.snapshot = snapshot;
  }

  /** The snapshot that changes. */
  public StreamSnapshot snapshot() {
    return snapshot;
  }

  /** Other bytes in the place of these. */
  public void splice(Splice splice) throws IOException {
    if (splices.size() == MOST_SPLICES) {
      throw new IOException(
          "%s: more than %d places change: 'vmstate convert --to stream' first, which leaves fewer"
              .formatted(snapshot.source(), MOST_SPLICES));
    }
    splices.add(splice);
  }

  /** An entry of the report. */
  public void report(InjectionReport.Structural change) {
    changes.add(change);
  }

  /** What was changed, for the report. */
  public List<InjectionReport.Structural> changes() {
    return List.copyOf(changes);
  }

  /** Whether nothing changes. */
  public boolean isEmpty() {
    return changes.isEmpty();
  }

  /** The stream's description of itself, to be changed; empty when it has none. */
  public Optional<VmdescText> vmdesc() throws IOException {
    VmdescText known = vmdesc;
    Optional<Span> json = snapshot.layout().vmdesc();
    if (known == null && json.isPresent()) {
      known = new VmdescText(snapshot.stream(), json.get());
      vmdesc = known;
    }
    return Optional.ofNullable(known);
  }

  /** The description of one section; empty when the stream has none of it. */
  public Optional<VmdescText.Device> described(DeviceSection section) throws IOException {
    Optional<VmdescText> text = vmdesc();
    if (text.isEmpty()) {
      return Optional.empty();
    }
    int which = 0;
    for (DeviceSection other : snapshot.devices()) {
      if (other.payload().equals(section.payload())) {
        break;
      }
      if (other.name().equals(section.name()) && other.instance() == section.instance()) {
        which++;
      }
    }
    return text.get().device(section.name(), section.instance(), which);
  }

  /** All of them, with those of the description. */
  List<Splice> splices() {
    List<Splice> all = new ArrayList<>(splices);
    if (vmdesc != null) {
      all.addAll(vmdesc.splices());
    }
    return all;
  }
}
