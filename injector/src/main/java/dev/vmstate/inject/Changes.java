package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Turns changed pages into patches, which cover only the bytes that differ, and keeps the account
 * of them. What becomes of a page that stands nowhere in the snapshot is {@link NewPages}' matter.
 */
final class Changes implements RamEdits.Visitor {
  /** Two changed stretches closer than this are reported as one. */
  private static final int GAP = 8;

  private final EditableSnapshot snapshot;
  private final List<RamBlock> blocks;
  private final MemoryMap map;
  private final StreamTarget target;
  private final NewPages fresh;
  private final List<InjectionReport.Range> ranges = new ArrayList<>();
  private long listedBytes;
  private long moreRanges;
  private long pages;
  private long memoryBytes;

  Changes(EditableSnapshot snapshot, StreamTarget target) throws IOException {
    this.snapshot = snapshot;
    this.fresh = NewPages.of(snapshot, target);
    this.blocks = snapshot.blocks();
    this.map = snapshot.memoryMap();
    this.target = target;
  }

  @Override
  public void page(int block, long page, long dataAt, byte[] before, byte[] after)
      throws IOException {
    long offset = page * before.length;
    long place = dataAt >= 0 ? dataAt : snapshot.placeOf(block, page);
    boolean differs = false;
    int at = Arrays.mismatch(before, after);
    while (at >= 0 && at < before.length) {
      int end = at + 1;
      for (int i = end; i < before.length && i < end + GAP; i++) {
        if (before[i] != after[i]) {
          end = i + 1;
        }
      }
      differs = true;
      range(block, offset + at, before, after, at, end);
      if (place >= 0) {
        byte[] with = Arrays.copyOfRange(after, at, end);
        target.patch(new Patch(new Span(place + at, with.length), ByteBuffer.wrap(with)));
      }
      int next = Arrays.mismatch(before, end, before.length, after, end, after.length);
      at = next < 0 ? -1 : end + next;
    }
    if (differs) {
      pages++;
      if (place < 0) {
        add(block, page, after);
      }
    }
  }

  private void add(int block, long page, byte[] bytes) throws IOException {
    if (!snapshot.holds(block)) {
      throw new IOException(
          "%s: RAM block '%s' is shared memory that is not in the snapshot (x-ignore-shared): change it in its own file"
              .formatted(snapshot.source(), blocks.get(block).name()));
    }
    fresh.put(block, page, bytes);
  }

  /** To be called after the last page. */
  void finish() throws IOException {
    fresh.finish();
  }

  private void range(int block, long offset, byte[] before, byte[] after, int from, int to) {
    for (int i = from; i < to; i++) {
      memoryBytes += before[i] == after[i] ? 0 : 1;
    }
    if (ranges.size() == InjectionReport.MOST_RANGES || listedBytes > InjectionReport.MOST_BYTES) {
      moreRanges++;
      return;
    }
    listedBytes += to - from;
    ranges.add(
        new InjectionReport.Range(
            physical(block, offset),
            blocks.get(block).name(),
            offset,
            new FieldEdit.Bytes(Arrays.copyOfRange(before, from, to)),
            new FieldEdit.Bytes(Arrays.copyOfRange(after, from, to))));
  }

  private long physical(int block, long offset) {
    for (MemoryMap.Range range : map.ranges()) {
      if (range.block() == block
          && offset >= range.offset()
          && offset < range.offset() + range.bytes()) {
        return range.start() + offset - range.offset();
      }
    }
    return -1;
  }

  /** What was seen; how much of the file is written is not known here. */
  InjectionReport report(List<FieldEdit> fields) {
    return new InjectionReport(
        List.of(), List.of(), fields, ranges, moreRanges, pages, fresh.appended(), memoryBytes, 0);
  }
}
