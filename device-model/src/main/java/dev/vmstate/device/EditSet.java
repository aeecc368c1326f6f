package dev.vmstate.device;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Field edits that agree with each other. The same byte may be asked for by several edits (a NIC's
 * {@code mac=} and the register below it) as long as they ask for the same value; {@link #add}
 * refuses the second one otherwise. An edit asks for all bytes of its field, also for those that
 * stay as they are, so which of two contradicting edits comes first makes no difference.
 */
public final class EditSet {
  private final List<FieldEdit> edits = new ArrayList<>();

  /** Byte offset to the edit that asked for it: edits are few and small beside RAM. */
  private final TreeMap<Long, FieldEdit> owners = new TreeMap<>();

  /**
   * Adds an edit that changes something; one that changes nothing is dropped.
   *
   * @throws EditConflictException when an earlier edit wants another value for one of its bytes
   */
  public void add(FieldEdit edit) throws EditConflictException {
    if (!edit.changes()) {
      return;
    }
    byte[] before = edit.before().array();
    byte[] after = edit.after().array();
    boolean fresh = false;
    for (int i = 0; i < after.length; i++) {
      FieldEdit owner = owners.get(edit.where().offset() + i);
      if (owner != null) {
        int at = (int) (edit.where().offset() + i - owner.where().offset());
        if (owner.after().array()[at] != after[i]) {
          throw new EditConflictException(owner, edit);
        }
      } else if (before[i] != after[i]) {
        fresh = true;
      }
    }
    for (int i = 0; i < after.length; i++) {
      owners.putIfAbsent(edit.where().offset() + i, edit);
    }
    if (fresh) {
      edits.add(edit);
    }
  }

  /** Adds several. */
  public void addAll(Collection<FieldEdit> more) throws EditConflictException {
    for (FieldEdit edit : more) {
      add(edit);
    }
  }

  /** The edits that change bytes, in the order they came. */
  public List<FieldEdit> edits() {
    return List.copyOf(edits);
  }

  /** Whether an edit asks for a byte of {@code span}. */
  public boolean touches(Span span) {
    Long first = owners.ceilingKey(span.offset());
    return first != null && first < span.end();
  }

  /** The bytes of {@code span} as they will be. */
  public byte[] over(Span span, byte[] before) {
    byte[] after = before.clone();
    owners
        .subMap(span.offset(), span.end())
        .forEach(
            (at, edit) ->
                after[(int) (at - span.offset())] =
                    edit.after().array()[(int) (at - edit.where().offset())]);
    return after;
  }

  /** Puts a warning on the first edit in {@code span}. */
  public void warn(Span span, String text) {
    for (int i = 0; i < edits.size(); i++) {
      long at = edits.get(i).where().offset();
      if (at >= span.offset() && at < span.end()) {
        edits.set(i, edits.get(i).withNote(text));
        return;
      }
    }
  }

  /** Whether nothing changes. */
  public boolean isEmpty() {
    return edits.isEmpty();
  }

  /** The changed bytes as patches, ascending, without overlap, neighbours joined. */
  public List<Patch> patches() {
    List<Patch> patches = new ArrayList<>();
    List<Byte> run = new ArrayList<>();
    long start = 0;
    for (Map.Entry<Long, FieldEdit> owned : owners.entrySet()) {
      long at = owned.getKey();
      FieldEdit edit = owned.getValue();
      int i = (int) (at - edit.where().offset());
      if (edit.before().array()[i] == edit.after().array()[i]) {
        continue;
      }
      if (!run.isEmpty() && at != start + run.size()) {
        patches.add(patch(start, run));
        run.clear();
      }
      if (run.isEmpty()) {
        start = at;
      }
      run.add(edit.after().array()[i]);
    }
    if (!run.isEmpty()) {
      patches.add(patch(start, run));
    }
    return patches;
  }

  private static Patch patch(long start, List<Byte> run) {
    byte[] bytes = new byte[run.size()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = run.get(i);
    }
    return Patch.of(start, bytes);
  }
}
