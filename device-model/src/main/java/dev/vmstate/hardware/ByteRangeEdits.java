package dev.vmstate.hardware;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import java.io.ByteArrayOutputStream;
import java.io.IOException;

/**
 * Compares the bytes of a document with those of the snapshot. Of a long buffer each changed range
 * that stands on one line becomes an edit, {@code config[0x3c]} or {@code data[0x10..0x13]}. A
 * short one ({@code mac}) is one value: a change anywhere in it is an edit of all of it, so that
 * the report shows it whole and an edit of a view that changes another byte of it contradicts.
 */
final class ByteRangeEdits implements ValueSink {
  private static final int ONE_VALUE = 16;

  private final ByteSource source;
  private final Span span;
  private final FieldBytes stored;
  private final XmlPlace place;
  private final EditSet edits;
  private final boolean whole;

  /** The range being collected: new bytes from {@code start} on. */
  private final ByteArrayOutputStream range = new ByteArrayOutputStream();

  private long start;
  private int rangeLine;
  private boolean changed;

  ByteRangeEdits(ByteSource source, Span span, XmlPlace place, EditSet edits) {
    this.source = source;
    this.span = span;
    this.stored = new FieldBytes(source, span);
    this.place = place;
    this.edits = edits;
    this.whole = span.length() <= ONE_VALUE;
  }

  @Override
  public void run(long first, long count, long value, int line) throws IOException {
    for (long i = first; i < first + count; i++) {
      boolean differs = stored.u8(i) != value;
      if (!whole && (!differs || line != rangeLine)) {
        flush();
      }
      if (differs && !changed) {
        start = whole ? 0 : i;
        rangeLine = line;
        changed = true;
      }
      if (differs || whole) {
        range.write((int) value);
      }
    }
  }

  @Override
  public void end() throws IOException {
    flush();
  }

  private void flush() throws IOException {
    if (changed) {
      Span where = span.at(start, range.size());
      edits.add(
          FieldEdit.of(
              path(), where, source.bytes(where), range.toByteArray(), place.origin(rangeLine)));
    }
    range.reset();
    changed = false;
  }

  private String path() {
    if (whole) {
      return place.path();
    }
    return range.size() == 1
        ? "%s[0x%x]".formatted(place.path(), start)
        : "%s[0x%x..0x%x]".formatted(place.path(), start, start + range.size() - 1);
  }
}
